"""Continuum factors and emission lines of rest-frame spectra, found by weighted least squares.

A spectrum is a mean, a few components and the lines of ``LINES``, plus noise. The components are those that explain most of
what the noise cannot (heteroscedastic matrix factorisation: Tsalmantza & Hogg 2012, ApJ 753, 122; Bailey 2012, PASP 124,
1015), learnt away from the lines. An embedding is what is believed of their coordinates given flux, ivar and what other galaxies are
like (``population``), so that noise blurs a galaxy and gaps hide part of it, but neither moves it out of place. What the model
cannot explain is searched for the lines of a background galaxy (``evidence``): one more number of the embedding.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from galspec_core.encoder.data import FEW, load_spectra
from galspec_core.encoder.evidence import Background, describe_residual, search_background
from galspec_core.encoder.lines import above_curves, continuum_pixels, line_templates, log_ratios, ratios
from galspec_core.encoder.normal_equations import ROWS_AT_ONCE, products, solve, symmetric
from galspec_core.encoder.pca import CLIP, HISTORY
from galspec_core.encoder.population import Population
from galspec_core.encoder.weights import save_weights
from galspec_core.errors import TrainingError
from galspec_core.files import write_csv
from galspec_core.log import Progress
from galspec_core.spectra.grid import Grid, bridge_bad_pixels
from galspec_core.spectra.spectrum import DLOGLAM

HEIGHT = 0.05  # of the continuum: heights below are told apart linearly, above by their logarithm (our choice)
LOOSE = 1e-2  # prior precision of a line height: one that no pixel has seen is 0 and uncertain
MOST_SNR = 30.0  # a pixel: calibration, not noise, is what is left beyond (our choice)
FACTORS = 2.0  # weight of the factors beside the lines in an embedding (our choice)
EVIDENCE = 2.0  # weight of the background lines there (our choice)
MOST_Z = 1.0  # redshift up to which noise is known by observed wavelength
MIXTURE = ("share", "centre", "covariance")  # of the population, among the weights
TAIL = 95  # percentile of |residual| / error by which noise is judged, 1.96 where errors are right
ENOUGH = 50  # spectra that must have seen a pixel before its errors are doubted
QUIET = 0.5  # share of the spectra, those of weakest lines, that say what stands under the lines


def weights_of(flux, ivar):
    """Return (clipped flux, weight), both [B, L] float32; the weight is ivar, at most that of MOST_SNR."""
    return np.clip(flux, *CLIP).astype("f4"), np.minimum(ivar, MOST_SNR**2).astype("f4")


def find_components(x, weight, k, iterations, progress):
    """Return (components [k, L], precision [k, k]) of x[B, L], orthonormal, those of largest variance first.

    Alternates between coordinates given components and components given coordinates. Where few spectra have seen a
    pixel its components are pulled to 0.
    """
    from sklearn.utils.extmath import randomized_svd

    components = randomized_svd(np.where(weight > 0, x, 0), k, random_state=0)[2]
    precision = 1e-3 * np.eye(k)
    usual = _usual(weight)
    for _ in range(iterations):
        coordinates, _ = solve(x, weight, components.astype("f4"), precision)
        components = regress(x, weight, coordinates, usual)
        components, coordinates = _turned(components, coordinates)
        precision = np.linalg.inv(np.atleast_2d(np.cov(coordinates.T)) + 1e-9 * np.eye(k))
        progress.add()
    return components, precision


def regress(x, weight, coordinates, usual):
    """Return the components [K, L] that best give x[B, L] from coordinates [B, K], pixel by pixel.

    They are pulled to 0 by a thousandth of what as many pixels of the ``usual`` weight would tell.
    """
    n, k = coordinates.shape
    squares, pairs = products(coordinates.T)
    normal = symmetric(weight.T @ squares.T.astype("f4"), pairs, k)
    ridge = 1e-3 * usual * n * np.diag((coordinates**2).mean(axis=0)) if n else np.eye(k)
    right = (weight * x).T @ coordinates.astype("f4")
    return np.linalg.solve(normal + ridge, right[..., None])[..., 0].T


def _usual(weight):
    """Return the median weight of the good pixels."""
    return np.median(weight[weight > 0])


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
    import pandas as pd

    spectra = load_spectra(shards, train_ids, most=entry["fit_spectra"])
    if len(spectra) <= entry["components"]:
        expected, got = f"more than its {entry['components']} components", len(spectra)
        raise TrainingError("too few spectra for factors", item=name, expected=expected, got=got, remedy=FEW)
    progress = Progress(f"encoder: train {name}", entry["iterations"] + 1, "iterations")
    lines = line_templates(grid)
    away = continuum_pixels(lines)
    flux, weight = weights_of(spectra.flux, spectra.ivar)
    mean = _average(flux, weight)
    components, precision = find_components(
        flux - mean, weight * away, entry["components"], entry["iterations"], progress
    )
    mean, components = _under_lines(flux, weight, mean, components, precision, away, lines)
    tensors = dict(mean=mean, components=components, precision=precision, lines=lines)
    encoder = FactorEncoder({key: value.astype("f4") for key, value in tensors.items()}, entry, grid)
    population = Population.fit(*encoder.measure(spectra.flux, spectra.ivar), entry["populations"])
    tensors |= {key: getattr(population, key) for key in MIXTURE}
    progress.add()
    tensors["excess"] = encoder.excess = measure_excess(*encoder.left(spectra.flux, spectra.ivar), spectra.z)
    snr = encoder.background(spectra).snr
    middle = np.median(snr)
    tensors["typical"] = np.array([middle, max(1.4826 * np.median(np.abs(snr - middle)), 1e-3)])
    checked = load_spectra(shards, validation_ids, most=entry["fit_spectra"])
    losses = [encoder.chi2(part.flux, part.ivar) for part in (spectra, checked)]
    write_csv(pd.DataFrame([[entry["iterations"], 1, *losses, np.nan, np.nan]], columns=HISTORY), history)
    save_weights(weights, {key: value.astype("f4") for key, value in tensors.items()}, entry, grid)


def measure_excess(residual, weight, z):
    """Return how much larger the noise is than its error at each observed pixel [L + S], 1 where it is not.

    Observed pixel l + s is rest-frame pixel l of a galaxy at 1 + z = 10**(1e-4 s): sky lines that were subtracted badly stand
    still there, whatever the galaxies' redshifts.
    """
    pixels, shifts = residual.shape[1], _shift(z)
    deviation = np.where(weight > 0, np.abs(residual) * np.sqrt(weight), np.nan)
    excess = np.ones(pixels + _shift([MOST_Z])[0], dtype="f4")
    for pixel in range(len(excess)):
        places = pixel - shifts
        seen = np.flatnonzero((places >= 0) & (places < pixels))
        values = deviation[seen, places[seen]]
        values = values[np.isfinite(values)]
        if len(values) >= ENOUGH:
            excess[pixel] = max(np.percentile(values, TAIL) / 1.96, 1.0)
    return excess


def _shift(z):
    """Return by how many native pixels the spectra of galaxies at z [B] are shifted."""
    return np.round(np.log10(1 + np.clip(np.asarray(z, dtype="f8"), 0, MOST_Z)) / DLOGLAM).astype(int)


def _variances(covariance):
    return np.einsum("bkk->bk", covariance)


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
    found = regress(flux[quiet] - mean, weight[quiet], whole, _usual(weight[quiet]))
    return mean + np.where(away, 0, found[0]), np.where(away, components, found[1:])


class FactorEncoder:
    """Embed rest-frame spectra by their continuum factors, line heights and what is left for a galaxy behind.

    The embedding [B, K + M + 1] holds K coordinates in units of the training spectra's root mean square over all of them and M
    line heights h over the normalised continuum as arsinh(h / HEIGHT), both as the population of galaxies makes them probable,
    and arsinh of the background lines' S/N above the training spectra's median, in units of their spread.
    """

    def __init__(self, tensors, entry, grid):
        self.mean, self.components, lines = (tensors[key] for key in ("mean", "components", "lines"))
        self.pixels, self.k = len(self.mean), len(self.components)
        self.loglam = np.log10(Grid(**grid).wavelengths)
        self.design = np.concatenate([self.components, lines]).astype("f4")
        self.squares = products(self.design)
        self.precision = LOOSE * np.eye(len(self.design))
        self.precision[: self.k, : self.k] = tensors["precision"]
        self.unit = np.sqrt(np.trace(np.linalg.inv(tensors["precision"].astype("f8"))))
        self.excess, self.typical = tensors.get("excess"), tensors.get("typical", (0.0, 1.0))
        mixture = [tensors[key].astype("f8") for key in MIXTURE if key in tensors]
        self.population = Population(*mixture) if mixture else None

    def coordinates(self, flux, ivar):
        """Return the most probable coordinates [B, K], line heights [B, M] and their variances [B, M] of flux[B, L]."""
        found, covariance = self._solve(flux, ivar)
        return found[:, : self.k], found[:, self.k :], _variances(covariance)[:, self.k :]

    def measure(self, flux, ivar):
        """Return coordinates and arsinh(h / HEIGHT) [B, K + M] of flux[B, L] as it shows them, and their noise [B, K + M, K + M].

        What no pixel has seen is 0 with the variance of LOOSE.
        """
        return self._measured(*self._solve(flux, ivar))

    def _solve(self, flux, ivar):
        x, weight = weights_of(flux, ivar)
        return solve(np.where(weight > 0, x - self.mean, 0), weight, self.design, self.precision, self.squares)

    def _measured(self, found, covariance):
        """Return values and noise without the prior of ``precision``; the noise of an arsinh is by its slope."""
        normal = np.linalg.inv(covariance)
        noise = np.linalg.inv(normal - self.precision + LOOSE * np.eye(len(self.precision)))
        values = np.einsum("bij,bjk,bk->bi", noise, normal, found)
        heights = values[:, self.k :]
        slope = np.hstack([np.ones((len(values), self.k)), 1 / np.hypot(HEIGHT, heights)])
        values = np.hstack([values[:, : self.k], np.arcsinh(heights / HEIGHT)])
        return values, noise * slope[:, :, None] * slope[:, None, :]

    def embed(self, flux, ivar, z=None):
        """Return the embedding [B, K + M + 1] of flux[B, L] of galaxies at z[B], 0 where that is not known."""
        return self.describe(flux, ivar, z)[0]

    def describe(self, flux, ivar, z=None):
        """Return the embedding [B, K + M + 1] and the evidence [B, E] beside it of flux[B, L] of galaxies at z[B].

        Evidence is arsinh of half the S/N of each line and of what is odd in the residual (``evidence.describe_residual``), the
        angles of line ratios as the spectrum shows them (``lines.ratios``) and their logarithms as other galaxies make them
        probable (``lines.log_ratios``), with what these mean in the BPT diagram (``lines.above_curves``): numbers to measure no
        distance with, which a learnt vote knows how to use.
        """
        z = np.zeros(len(flux)) if z is None else z
        parts = [
            self._describe(*(values[start : start + ROWS_AT_ONCE] for values in (flux, ivar, z)))
            for start in range(0, max(len(flux), 1), ROWS_AT_ONCE)
        ]
        return tuple(np.concatenate(pieces).astype("f4") for pieces in zip(*parts, strict=True))

    def _describe(self, flux, ivar, z):
        whole, covariance = self._solve(flux, ivar)
        factors, heights, variance = whole[:, : self.k], whole[:, self.k :], _variances(covariance)[:, self.k :]
        believed = self.population.believe(*self._measured(whole, covariance))
        left, weight = self._residual(flux, ivar, z, factors, heights)
        found = search_background(left, weight, self.loglam, z)
        behind = np.arcsinh(np.maximum(found.snr - self.typical[0], 0) / self.typical[1])[:, None]
        embedding = FACTORS * believed[:, : self.k] / self.unit, believed[:, self.k :], EVIDENCE * behind
        likely = HEIGHT * np.sinh(believed[:, self.k :])
        odd = np.hstack([heights / np.sqrt(variance), describe_residual(left, weight, found)])
        gas = ratios(heights), log_ratios(likely), above_curves(likely)
        return np.hstack(embedding), np.hstack([np.arcsinh(odd / 2), *gas])

    def background(self, spectra):
        """Return the best ``Background`` of each spectrum of a ``Gridded``."""
        starts = range(0, max(len(spectra), 1), ROWS_AT_ONCE)
        parts = [spectra[start : start + ROWS_AT_ONCE] for start in starts]
        found = [self._search(p.flux, p.ivar, p.z, *self.coordinates(p.flux, p.ivar)[:2]) for p in parts]
        return Background(
            *(np.concatenate([getattr(one, key) for one in found]) for key in ("snr", "z", "lines", "narrow"))
        )

    def _search(self, flux, ivar, z, factors, heights):
        return search_background(*self._residual(flux, ivar, z, factors, heights), self.loglam, z)

    def _residual(self, flux, ivar, z, factors, heights):
        """Return what the model leaves of flux[B, L] and its inverse variance, both [B, L], the noise as it really is."""
        x, weight = weights_of(flux, ivar)
        left = np.where(weight > 0, x - self._model(factors, heights), 0)
        excess = sliding_window_view(self.excess**2, self.pixels)[_shift(z)]
        return left.astype("f4", copy=False), (weight / excess).astype("f4", copy=False)

    def left(self, flux, ivar):
        """Return what the model leaves of flux[B, L], 0 at bad pixels, and its inverse variance: both [B, L]."""
        x, weight = weights_of(flux, ivar)
        return np.where(weight > 0, x - self.reconstruct(flux, ivar), 0), weight

    def reconstruct(self, flux, ivar):
        """Return what the encoder believes flux[B, L] to be without noise: [B, L]."""
        return self._model(*self.coordinates(flux, ivar)[:2])

    def _model(self, factors, heights):
        return self.mean + np.hstack([factors, heights]).astype("f4") @ self.design

    def chi2(self, flux, ivar):
        """Return chi-squared a good pixel of flux[B, L], NaN without one."""
        left, weight = self.left(flux, ivar)
        return float((weight * left**2).sum() / (weight > 0).sum()) if (weight > 0).any() else float("nan")
