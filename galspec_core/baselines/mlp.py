"""A multi-layer perceptron on principal components of the flux."""

import warnings

from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from galspec_core.baselines.features import matrix

FAMILY = "classifier"


def train(entry, spectra, codes, n_classes, seed):
    """Return spectra -> scores [Q, C]; ``entry`` has components, hidden (widths), alpha and epochs (at most)."""
    x = matrix(spectra)
    model = make_pipeline(
        PCA(min(entry["components"], len(x)), whiten=True, random_state=seed),
        MLPClassifier(entry["hidden"], alpha=entry["alpha"], max_iter=entry["epochs"], random_state=seed),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are a limit, and alpha keeps the weights small
        model.fit(x, codes)
    return lambda queries: model.predict_proba(matrix(queries))
