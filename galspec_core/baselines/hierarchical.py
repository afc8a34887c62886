"""Hierarchical clusters (Ward 1963) of principal components; a new spectrum joins the nearest cluster's centre."""

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestCentroid

from galspec_core.baselines.features import matrix

FAMILY = "cluster"


def fit(entry, spectra, seed):
    """Return spectra -> cluster [n]; ``entry`` has components, clusters, and most, the spectra that are clustered."""
    x = matrix(spectra)
    rows = np.random.default_rng(seed).choice(len(x), min(entry["most"], len(x)), replace=False)
    pca = PCA(entry["components"], random_state=seed).fit(x[rows])
    latent = pca.transform(x[rows])
    clusters = AgglomerativeClustering(min(entry["clusters"], len(rows))).fit_predict(latent)
    centres = NearestCentroid().fit(latent, clusters)
    return lambda queries: centres.predict(pca.transform(matrix(queries)))
