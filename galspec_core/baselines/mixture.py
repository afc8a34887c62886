"""A mixture of Gaussians on principal components, nearest of the libraries' to the discriminative latent mixture.

Fraix-Burnet et al. (2021, A&A 649, A53) use Fisher-EM; no kept Python package has it.
"""

from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from galspec_core.baselines.features import matrix

FAMILY = "cluster"


def fit(entry, spectra, seed):
    """Return spectra -> cluster [n]; ``entry`` has components (of the PCA before) and clusters."""
    x = matrix(spectra)
    model = make_pipeline(
        PCA(min(entry["components"], len(x)), random_state=seed),
        GaussianMixture(min(entry["clusters"], len(x)), reg_covar=1e-4, max_iter=300, random_state=seed),
    )
    model.fit(x)
    return lambda queries: model.predict(matrix(queries).astype(x.dtype))
