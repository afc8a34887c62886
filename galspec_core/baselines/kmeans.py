"""k-means on principal components: clusters of spectra, as Fraix-Burnet et al. (2021, A&A 649, A53) look for them."""

from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from galspec_core.baselines.features import matrix

FAMILY = "cluster"


def fit(entry, spectra, seed):
    """Return spectra -> cluster [n]; ``entry`` has components (of the PCA before) and clusters."""
    x = matrix(spectra)
    model = make_pipeline(
        PCA(min(entry["components"], len(x)), random_state=seed),
        KMeans(min(entry["clusters"], len(x)), n_init=10, random_state=seed),
    )
    model.fit(x)
    return lambda queries: model.predict(matrix(queries).astype(x.dtype))
