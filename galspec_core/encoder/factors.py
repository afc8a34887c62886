"""Continuum factors and emission lines of rest-frame spectra, found by weighted least squares.

A spectrum is a mean, a few components and the lines of ``LINES``, plus noise. The components are those that explain most of
what the noise cannot (heteroscedastic matrix factorisation: Tsalmantza & Hogg 2012, ApJ 753, 122; Bailey 2012, PASP 124,
1015), learnt away from the lines. An embedding is the most probable set of their coordinates given flux and ivar, so that
noise blurs a galaxy and gaps hide part of it, but neither moves it in one direction.
"""

import numpy as np
import pandas as pd
import torch
from sklearn.utils.extmath import randomized_svd

from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.pca import CLIP, HISTORY
from galspec_core.encoder.weights import save_weights
from galspec_core.errors import ConfigError, TrainingError
from galspec_core.files import write_csv
from galspec_core.log import Progress
from galspec_core.spectra.grid import Grid, bridge_bad_pixels
from galspec_core.spectra.spectrum import DLOGLAM

LINES = {  # (vacuum Angstrom, height over that of the first): NIST; fixed ratios of Osterbrock & Ferland 2006
    "[O II] 3727": ((3727.09, 1.0), (3729.88, 1.0)),
    "[Ne III] 3869": ((3869.86, 1.0),),
    "Hδ": ((4102.89, 1.0),),
    "Hγ": ((4341.68, 1.0),),
    "He II 4686": ((4687.02, 1.0),),
    "Hβ": ((4862.68, 1.0),),
    "[O III] 5007": ((5008.24, 1.0), (4960.30, 1 / 2.98)),
    "He I 5876": ((5877.25, 1.0),),
    "Na D": ((5891.58, 1.0), (5897.56, 1.0)),
    "[O I] 6300": ((6302.05, 1.0),),
    "Hα": ((6564.61, 1.0),),
    "[N II] 6583": ((6585.27, 1.0), (6549.86, 1 / 3.05)),
    "[S II] 6717": ((6718.29, 1.0),),
    "[S II] 6731": ((6732.67, 1.0),),
}
C_KMS = 299792.458
WIDTH = 150.0  # km/s, sigma of every line, instrument included (our choice)
APART = 4.0  # of these widths from a line the continuum begins (our choice)
HEIGHT = 0.05  # of the continuum: heights below are told apart linearly, above by their logarithm (our choice)
LOOSE = 1e-2  # prior precision of a line height: one that no pixel has seen is 0 and uncertain
MOST_SNR = 30.0  # a pixel: calibration, not noise, is what is left beyond (our choice)
QUIET = 0.5  # share of the spectra, those of weakest lines, that say what stands under the lines
ROWS_AT_ONCE = 512  # spectra whose normal equations are held at once


def line_templates(grid):
    """Return the lines [M, L] of ``LINES`` on a rest-frame log grid, each of height 1 at its first wavelength.

    Raises
    ------
    ConfigError
        The grid is not in the rest frame with native logarithmic pixels.
    """
    if grid["frame"] != "rest" or grid["spacing"] != "log":
        expected, got = "frame: rest, spacing: log", f"{grid['frame']}, {grid['spacing']}"
        raise ConfigError("lines need a grid that moves with the galaxy", item="grid", expected=expected, got=got)
    loglam, sigma = np.log10(Grid(**grid).wavelengths), np.log10(1 + WIDTH / C_KMS)
    return np.stack(
        [
            sum(height * np.exp(-0.5 * ((loglam - np.log10(wave)) / sigma) ** 2) for wave, height in doublet)
            for doublet in LINES.values()
        ]
    ).astype("f4")


def continuum_pixels(templates):
    """Return where no line of ``templates`` [M, L] stands: bool[L]."""
    reach = int(np.ceil(APART * np.log10(1 + WIDTH / C_KMS) / DLOGLAM))
    centres = (templates > 0.5 * np.exp(-0.5)).any(axis=0)
    return np.convolve(centres, np.ones(2 * reach + 1), mode="same") < 0.5


def weights_of(flux, ivar):
    """Return (clipped flux, weight), both [B, L] float32; the weight is ivar, at most that of MOST_SNR."""
    return np.clip(flux, *CLIP).astype("f4"), np.minimum(ivar, MOST_SNR**2).astype("f4")


def solve(x, weight, design, precision):
    """Return (coordinates [B, K], covariance [B, K, K]): the most probable of x[B, L] = coordinates @ design[K, L].

    ``precision`` [K, K] is that of the Gaussian prior around 0; ``weight`` [B, L] the inverse variance of x.
    """
    k = len(design)
    squares = np.einsum("kl,jl->lkj", design, design).reshape(-1, k * k)
    found, spread = [], []
    for start in range(0, max(len(x), 1), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        normal = (weight[rows] @ squares).reshape(-1, k, k).astype("f8") + precision
        covariance = np.linalg.inv(normal)
        right = (weight[rows] * x[rows]) @ design.T
        found.append(np.einsum("bkj,bj->bk", covariance, right))
        spread.append(covariance)
    return np.concatenate(found), np.concatenate(spread)


def find_components(x, weight, k, iterations, progress):
    """Return (components [k, L], precision [k, k]) of x[B, L], orthonormal, those of largest variance first.

    Alternates between coordinates given components and components given coordinates. Where few spectra have seen a
    pixel its components are pulled to 0.
    """
    components = randomized_svd(np.where(weight > 0, x, 0), k, random_state=0)[2]
    precision = 1e-3 * np.eye(k)
    for _ in range(iterations):
        coordinates, _ = solve(x, weight, components.astype("f4"), precision)
        components = regress(x, weight, coordinates)
        components, coordinates = _turned(components, coordinates)
        precision = np.linalg.inv(np.atleast_2d(np.cov(coordinates.T)) + 1e-9 * np.eye(k))
        progress.add()
    return components, precision


def regress(x, weight, coordinates):
    """Return the components [K, L] that best give x[B, L] from coordinates [B, K], pixel by pixel."""
    n, k = coordinates.shape
    squares = np.einsum("bk,bj->bkj", coordinates, coordinates).reshape(n, -1).astype("f4")
    normal = (weight.T @ squares).reshape(-1, k, k).astype("f8")
    ridge = 1e-3 * np.median(weight[weight > 0]) * n * np.diag((coordinates**2).mean(axis=0)) if n else np.eye(k)
    right = (weight * x).T @ coordinates.astype("f4")
    return np.linalg.solve(normal + ridge, right[..., None])[..., 0].T


def _turned(components, coordinates):
    """Return the same product with orthonormal components, by falling variance of their coordinates; signs are fixed."""
    basis, mix = np.linalg.qr(components.T)
    left, size, right = np.linalg.svd(coordinates @ mix.T, full_matrices=False)
    components = right @ basis.T
    signs = np.sign(components[np.arange(len(components)), np.abs(components).argmax(axis=1)])
    return components * signs[:, None], left * size * signs


def fit_factors(entry, run, grid, shards, train_ids, validation_ids, folder, weights, history, name="factors"):
    """Find mean and components of the training spectra and write them as weights.

    At most ``fit_spectra`` of the training spectra are held, chosen by a fixed seed. The history has one row: chi-squared a
    good pixel, at the most probable coordinates, of training and of validation spectra.

    Raises
    ------
    TrainingError
        If there are fewer spectra than components.
    """
    spectra = load_spectra(shards, train_ids, most=entry["fit_spectra"])
    if len(spectra) <= entry["components"]:
        raise TrainingError(
            "too few spectra for factors", item=name, expected=f"above {entry['components']}", got=len(spectra)
        )
    progress = Progress(f"encoder: train {name}", entry["iterations"], "iterations")
    lines = line_templates(grid)
    away = continuum_pixels(lines)
    flux, weight = weights_of(spectra.flux, spectra.ivar)
    mean = _average(flux, weight)
    components, precision = find_components(
        flux - mean, weight * away, entry["components"], entry["iterations"], progress
    )
    mean, components = _under_lines(flux, weight, mean, components, precision, away, lines)
    tensors = dict(mean=mean, components=components, precision=precision, lines=lines)
    tensors = {key: torch.from_numpy(value.astype("f4")) for key, value in tensors.items()}
    encoder = FactorEncoder(tensors, entry, grid)
    checked = load_spectra(shards, validation_ids, most=entry["fit_spectra"])
    losses = [encoder.chi2(part.flux, part.ivar) for part in (spectra, checked)]
    write_csv(pd.DataFrame([[entry["iterations"], 1, *losses, np.nan, np.nan]], columns=HISTORY), history)
    save_weights(weights, tensors, entry, grid)


def _average(flux, weight):
    return (weight * flux).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)


def _under_lines(flux, weight, mean, components, precision, away, lines):
    """Return mean and components with what stands under the lines, learnt from galaxies that have the weakest ones."""
    coordinates, _ = solve(flux - mean, weight * away, components.astype("f4"), precision)
    bridged = bridge_bad_pixels(mean, away), np.stack([bridge_bad_pixels(row, away) for row in components])
    left = flux - (bridged[0] + coordinates @ bridged[1]).astype("f4")
    heights, _ = solve(left, weight * ~away, lines, LOOSE * np.eye(len(lines)))
    strength = heights.sum(axis=1)
    quiet = strength <= np.quantile(strength, QUIET)
    whole = np.hstack([np.ones((quiet.sum(), 1)), coordinates[quiet]])
    found = regress(flux[quiet] - mean, weight[quiet], whole)
    return mean + np.where(away, 0, found[0]), np.where(away, components, found[1:])


class FactorEncoder:
    """Embed rest-frame spectra by their continuum factors and line heights.

    The embedding [B, K + M] holds K coordinates in units of their spread over the training spectra, then M line heights h
    over the normalised continuum as arsinh(h / HEIGHT), each pulled to 0 where its error is not small beside HEIGHT.
    """

    def __init__(self, tensors, entry, grid):
        arrays = {key: tensor.numpy() for key, tensor in tensors.items()}
        self.mean, self.components, self.lines = (arrays[key] for key in ("mean", "components", "lines"))
        self.pixels, self.k = len(self.mean), len(self.components)
        self.design = np.concatenate([self.components, self.lines]).astype("f4")
        self.precision = LOOSE * np.eye(len(self.design))
        self.precision[: self.k, : self.k] = arrays["precision"]
        self.spread = np.sqrt(np.diag(np.linalg.inv(arrays["precision"].astype("f8"))))

    def coordinates(self, flux, ivar):
        """Return the most probable coordinates [B, K], line heights [B, M] and their variances [B, M] of flux[B, L]."""
        x, weight = weights_of(flux, ivar)
        found, covariance = solve(np.where(weight > 0, x - self.mean, 0), weight, self.design, self.precision)
        return found[:, : self.k], found[:, self.k :], np.einsum("bkk->bk", covariance)[:, self.k :]

    def embed(self, flux, ivar):
        """Return the embedding [B, K + M] of flux[B, L]."""
        factors, heights, variance = self.coordinates(flux, ivar)
        likely = heights * HEIGHT**2 / (HEIGHT**2 + variance)
        return np.hstack([factors / self.spread, np.arcsinh(likely / HEIGHT)]).astype("f4")

    def reconstruct(self, flux, ivar):
        """Return what the encoder believes flux[B, L] to be without noise: [B, L]."""
        return self.mean + np.hstack(self.coordinates(flux, ivar)[:2]).astype("f4") @ self.design

    def chi2(self, flux, ivar):
        """Return chi-squared a good pixel of flux[B, L], NaN without one."""
        if not len(flux):
            return float("nan")
        x, weight = weights_of(flux, ivar)
        return float((weight * (x - self.reconstruct(flux, ivar)) ** 2).sum() / max((weight > 0).sum(), 1))
