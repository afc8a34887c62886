"""A support vector machine with a Gaussian kernel on principal components of the flux."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from galspec_core.baselines.features import matrix
from galspec_core.search.weights import softmax

FAMILY = "classifier"


def train(entry, spectra, codes, n_classes, seed):
    """Return spectra -> scores [Q, C], the softmax of the decision function; ``entry`` has components, c and balanced."""
    x = matrix(spectra)
    model = make_pipeline(
        PCA(min(entry["components"], len(x)), whiten=True, random_state=seed),
        SVC(C=entry["c"], class_weight="balanced" if entry["balanced"] else None),
    )
    model.fit(x, codes)
    return lambda queries: _scores(model.decision_function(matrix(queries)))


def _scores(decision):
    """Return scores [Q, C] of a decision [Q] between two classes, or [Q, C] among more."""
    if decision.ndim == 1:
        decision = np.stack([-decision / 2, decision / 2], axis=1)
    return softmax(decision)
