"""Principal components as an encoder: the baseline of every table (Yip et al. 2004)."""

import numpy as np
from scipy.linalg import eigh

from galspec_core.encoder.data import FEW
from galspec_core.encoder.weights import save_weights
from galspec_core.errors import TrainingError
from galspec_core.files import write_csv
from galspec_core.log import Progress
from galspec_core.spectra.shard import read_gridded

CLIP = (-2.0, 10.0)  # normalised flux beyond this is cut: one cosmic ray must not own a component (our choice)
HISTORY = ["step", "epoch", "train_loss", "validation_loss", "lr", "spectra_per_s"]


def fit_pca(entry, run, grid, shards, train_ids, validation_ids, folder, weights, history, name="pca"):
    """Find the principal components of the training spectra and write them as weights.

    Bad pixels (ivar 0) count as the mean spectrum. The history has one row: the mean squared residual of training and
    validation spectra. Memory holds one shard and an L x L matrix.

    Raises
    ------
    TrainingError
        If there are fewer spectra than components.
    """
    import pandas as pd

    progress = Progress(f"encoder: {name}", 2 * len(shards), "shards")
    mean, n = _mean(shards, train_ids, grid["pixels"], progress)
    if n < entry["components"]:
        expected = f"at least its {entry['components']} components"
        raise TrainingError("too few spectra for PCA", item=name, expected=expected, got=n, remedy=FEW)
    covariance = np.zeros((grid["pixels"], grid["pixels"]))
    for part in _parts(shards, train_ids):
        x = centre(part.flux, part.ivar, mean)
        covariance += x.T @ x
        progress.add()
    values, components = principal(covariance / n, entry["components"])
    loss = float((np.trace(covariance) / n - values.sum()) / grid["pixels"])
    checked = _residual(shards, validation_ids, mean, components)
    write_csv(pd.DataFrame([[1, 1, loss, checked, np.nan, np.nan]], columns=HISTORY), history)
    tensors = dict(mean=mean.astype("f4"), components=components.astype("f4"))
    save_weights(weights, tensors, entry, grid)


def centre(flux, ivar, mean):
    """Return clipped flux minus the mean spectrum, 0 at bad pixels: [B, L] float64."""
    return np.where(ivar > 0, np.clip(flux, *CLIP) - mean, 0.0)


def principal(covariance, k):
    """Return the k largest eigenvalues and their vectors [k, L], the largest entry of each vector positive."""
    size = len(covariance)
    values, vectors = eigh(covariance, subset_by_index=[size - k, size - 1])
    vectors = vectors.T[::-1]
    signs = np.sign(vectors[np.arange(k), np.abs(vectors).argmax(axis=1)])
    return values[::-1], vectors * signs[:, None]


def _parts(shards, ids):
    for path in sorted(map(str, shards)):
        yield read_gridded(path, ids)


def _mean(shards, ids, pixels, progress):
    total, good, n = np.zeros(pixels), np.zeros(pixels), 0
    for part in _parts(shards, ids):
        use = part.ivar > 0
        total += np.where(use, np.clip(part.flux, *CLIP), 0.0).sum(axis=0, dtype="f8")
        good += use.sum(axis=0)
        n += len(part)
        progress.add()
    return total / np.maximum(good, 1), n


def _residual(shards, ids, mean, components):
    total, n = 0.0, 0
    for part in _parts(shards, ids):
        x = centre(part.flux, part.ivar, mean)
        total += float(((x - x @ components.T @ components) ** 2).mean(axis=1).sum())
        n += len(part)
    return total / n if n else float("nan")


class PcaEncoder:
    """Project spectra on principal components."""

    def __init__(self, tensors, entry, grid):
        self.mean, self.components = (tensors[key].astype("f8") for key in ("mean", "components"))
        self.pixels = len(self.mean)

    def embed(self, flux, ivar, z=None):
        """Return the coefficients [B, k] of flux[B, L]."""
        return (centre(flux, ivar, self.mean) @ self.components.T).astype("f4")
