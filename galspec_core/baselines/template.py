"""Template fitting: the class whose eigenspectra fit a spectrum with the least chi-square.

Eigenspectra of each class of the knowledge base stand in for a library of templates, as in SDSS's own redshift fits
(Bolton et al. 2012, AJ 144, 144).
"""

import numpy as np

from galspec_core.encoder.pca import centre, principal
from galspec_core.search.weights import softmax

FAMILY = "classifier"
MOST_IVAR = 400.0  # of normalised flux, S/N 20: calibration, not photons, limits brighter pixels (our choice)
RIDGE = 1e-6  # keeps the fit solvable where a template lies outside the coverage


def train(entry, spectra, codes, n_classes, seed):
    """Return spectra -> scores [Q, C] by half the chi-square; ``entry`` has components, eigenspectra of a class."""
    templates = [eigenspectra(spectra[codes == code], entry["components"]) for code in range(n_classes)]

    def scores(queries):
        chi2 = np.stack([chi_square(queries, basis) for basis in templates], axis=1)
        return softmax(-0.5 * (chi2 - chi2.min(axis=1, keepdims=True)))

    return scores


def eigenspectra(spectra, components):
    """Return the mean and up to ``components`` principal components of spectra [n, L]: [1 + k, L]."""
    good = spectra.ivar > 0
    mean = np.where(good, spectra.flux, 0).sum(axis=0, dtype="f8") / np.maximum(good.sum(axis=0), 1)
    x = centre(spectra.flux, spectra.ivar, mean)
    k = min(components, len(x) - 1)
    if k < 1:
        return mean[None]
    vectors = principal(x.T @ x, k)[1] if len(x) > x.shape[1] else principal(x @ x.T, k)[1] @ x  # the smaller matrix
    return np.vstack([mean, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)])


def chi_square(spectra, basis):
    """Return the least chi-square [n] of spectra [n, L] over all sums of ``basis`` [k, L]."""
    weight = np.minimum(spectra.ivar, MOST_IVAR).astype("f8")
    flux, out = spectra.flux.astype("f8"), np.empty(len(spectra.flux))
    for i, (f, w) in enumerate(zip(flux, weight, strict=True)):
        weighted = basis * w
        normal = weighted @ basis.T
        normal[np.diag_indices(len(basis))] += RIDGE * max(np.trace(normal), 1e-30)
        model = np.linalg.solve(normal, weighted @ f) @ basis
        out[i] = (w * (f - model) ** 2).sum()
    return out
