"""Hierarchical clusters (Ward 1963) of principal components; a new spectrum joins the nearest cluster's centre."""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA

from galspec_core.baselines.features import matrix

FAMILY = "cluster"


def fit(entry, spectra, seed):
    """Return spectra -> cluster [n]; ``entry`` has components, clusters, and most, the spectra that are clustered."""
    x = matrix(spectra)
    rows = np.random.default_rng(seed).choice(len(x), min(entry["most"], len(x)), replace=False)
    pca = PCA(min(entry["components"], len(rows)), random_state=seed).fit(x[rows])
    latent = pca.transform(x[rows])
    clusters = AgglomerativeClustering(min(entry["clusters"], len(rows))).fit_predict(latent)
    centres = np.stack([latent[clusters == number].mean(axis=0) for number in range(clusters.max() + 1)])
    return lambda queries: cdist(pca.transform(matrix(queries)), centres).argmin(axis=1)
