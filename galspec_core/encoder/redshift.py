"""Trial redshifts: how well the encoder's own model explains a spectrum at each of them.

An encoder of the rest frame takes its redshift from a catalogue. With a wrong one it sees lines where there are none and gives
them a class. Here its mean, a few of its continuum factors and its lines are moved over the observed spectrum in steps of a
few native pixels (a template scan as in the SDSS pipelines: Bolton et al. 2012, AJ 144, 144, after Tonry & Davis 1979). The
normal equations of every trial are cross-correlations of weights and of weighted flux with products of templates, so that one
set of Fourier transforms gives them all. The mean's amplitude is free: the window that normalises a spectrum moves with z.

Trials must be judged on the same pixels, and templates cover other ones at each. So every trial explains the whole spectrum:
by the templates where these reach, and beyond by one smooth curve, the same for all. What is compared is by how much a trial
improves chi-squared over that curve alone.

Each trial is fitted twice, with the lines and without. Lines tell most, but they may be another galaxy's: those of a source
behind a lens outshine the lens's own, whose continuum knows better. A redshift is trusted if either fit prefers it.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy import fft

from galspec_core.encoder.factors import weights_of
from galspec_core.encoder.lines import C_KMS
from galspec_core.errors import ConfigError, SearchError, SpectrumError
from galspec_core.spectra.spectrum import DLOGLAM

SMOOTH = 4  # degree of the curve without features (our choice)
FREE = 1e-6  # prior precision of the mean's amplitude: none to speak of
ENDS = (3830.0, 9180.0)  # Angstrom, observed: what every SDSS and BOSS spectrum has (SDSS data model)
FURTHEST = 10500.0  # Angstrom: beyond the last pixel of any of them
SEEN_BY = 50  # training spectra that must have seen a rest-frame pixel before its template is believed (our choice)


@dataclass(frozen=True)
class RedshiftSettings:
    """``search.redshift_check`` of the configuration.

    Attributes
    ----------
    encoder : str
        A key of ``encoders``, of kind factors.
    z : (float, float)
        First and last trial redshift.
    factors : int
        Continuum factors of a trial, the encoder's first ones.
    rebin : int
        Native pixels to a pixel of the scan, which is also its step.
    tolerance : float
        km/s: trials nearer to the catalogue's redshift than this are the same redshift.
    min_delta_chi2 : float
        By how much the catalogue's redshift must beat all others, with lines or without.
    """

    encoder: str
    z: tuple
    factors: int
    rebin: int
    tolerance: float
    min_delta_chi2: float

    @classmethod
    def from_config(cls, section):
        """Return the settings of a section; raise ConfigError for a key that is none or an empty range of z."""
        unknown = set(section) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError("there is no such key", item="search.redshift_check", got=", ".join(sorted(unknown)))
        low, high = section["z"]
        if not -0.1 < low < high:
            raise ConfigError("the range is empty", item="search.redshift_check.z", expected="-0.1 < first < last")
        return cls(**{**section, "z": (low, high)})


@dataclass(frozen=True)
class Found:
    """For B spectra: ``z_best`` [B] of the best trial, ``delta_chi2`` [B] and ``delta_continuum`` [B].

    The latter two are how much chi-squared is lower at the catalogue's redshift than at the best one elsewhere, with lines
    and without: negative where another redshift fits better, NaN where the catalogue's is no trial.
    """

    z_best: np.ndarray
    delta_chi2: np.ndarray
    delta_continuum: np.ndarray

    @property
    def delta(self):
        """Return the larger of the two differences: [B]."""
        return np.fmax(self.delta_chi2, self.delta_continuum)


def seen_range(z):
    """Return the rest-frame (first, last) wavelength in Angstrom that enough spectra at z[B] have seen."""
    z = np.sort(np.asarray(z, dtype="f8"))
    if not len(z):
        remedy = "Look at results/spectra/rejected.csv: no spectrum of the training side came through"
        raise SearchError(
            "no training spectrum shows what the templates have seen", item="redshift check", remedy=remedy
        )
    rank = min(SEEN_BY, (len(z) + 1) // 2)
    return ENDS[0] / (1 + z[-rank]), ENDS[1] / (1 + z[rank - 1])


class RedshiftScan:
    """A scan of trial redshifts with the templates of a ``FactorEncoder``.

    ``z`` [S] are the trials. ``seen`` is the rest-frame range, in Angstrom, where the templates are believed.

    Raises
    ------
    ConfigError
        The encoder has no templates, or no pixel of them lies in ``seen``.
    """

    def __init__(self, encoder, settings, seen):
        if not hasattr(encoder, "design"):
            raise ConfigError("an encoder of kind factors is needed", item="search.redshift_check.encoder")
        self.settings, self.first, self.excess = settings, encoder.loglam[0], encoder.excess
        step = settings.rebin * DLOGLAM
        low, high = np.log10(1 + np.array(settings.z)) / step
        self.steps = np.arange(np.ceil(low), np.floor(high) + 1).astype(int)
        self.z = 10 ** (step * self.steps) - 1
        self.pixels = int(np.ceil((np.log10(FURTHEST) - self.first) / step))
        self._set_templates(encoder, seen)

    def _set_templates(self, encoder, seen):
        """Keep the conjugate transforms of the templates [K, L], of their products and of where they reach."""
        n, rebin = min(self.settings.factors, encoder.k), self.settings.rebin
        whole = len(encoder.loglam) // rebin * rebin
        wave = 10 ** encoder.loglam[:whole].reshape(-1, rebin)
        inside = ((wave >= seen[0]) & (wave <= seen[1])).all(axis=1)
        if not inside.any():
            raise ConfigError("the templates cover nothing", item="redshift check", got=f"{seen} Angstrom seen")
        rows = np.vstack([encoder.mean, encoder.design[:n], encoder.design[encoder.k :]]).astype("f8")
        templates = rows[:, :whole].reshape(len(rows), -1, rebin).mean(axis=2) * inside
        self.continuum = n + 1  # templates that are no lines: they come first
        self.precision = encoder.precision[encoder.k, encoder.k] * np.eye(len(rows))
        self.precision[0, 0] = FREE
        spread = np.linalg.inv(encoder.precision[: encoder.k, : encoder.k])
        self.precision[1 : n + 1, 1 : n + 1] = np.linalg.inv(spread[:n, :n]) if n else 0
        products = templates[:, None] * templates
        self.pairs = np.argwhere(np.triu(products.any(axis=2)))
        length = max(templates.shape[1] + self.steps[-1], self.pixels - self.steps[0]) + 1  # nothing wraps around
        self.length = fft.next_fast_len(int(length), real=True)
        self.templates = self._transform(templates).conj()
        self.products = self._transform(products[tuple(self.pairs.T)]).conj()
        self.reach = self._transform(inside.astype("f8")).conj()

    def _transform(self, values):
        return fft.rfft(values, self.length, axis=-1)

    def _correlate(self, transformed, templates):
        """Return sum over y of values(y) * template(y - s) for every trial s: [..., S]."""
        return fft.irfft(transformed * templates, self.length, axis=-1)[..., self.steps % self.length]

    def rebin(self, spectrum, good):
        """Return flux and weight [L] of one observed ``Spectrum`` on the scan's pixels; ``good`` is bool[native].

        Flux is in units of its own median; weights are those of the encoder, S/N limited and noise enlarged where the
        survey's own residuals are.

        Raises
        ------
        SpectrumError
            "median not positive".
        """
        median = np.median(spectrum.flux[good]) if good.any() else np.nan
        if not median > 0:
            raise SpectrumError("the median flux is not positive", reason="median not positive", got=f"{median:.3g}")
        flux, ivar = np.where(good, spectrum.flux / median, 0), np.where(good, spectrum.ivar * median**2, 0)
        flux, weight = (values.astype("f8") for values in weights_of(flux, ivar))
        place = np.round((spectrum.loglam0 - self.first) / DLOGLAM).astype(int) + np.arange(len(flux))
        weight /= np.asarray(self.excess)[np.clip(place, 0, len(self.excess) - 1)] ** 2
        place //= self.settings.rebin
        use = (place >= 0) & (place < self.pixels)
        total = np.bincount(place[use], weight[use], self.pixels)
        mean = np.bincount(place[use], (weight * flux)[use], self.pixels)
        return np.divide(mean, total, out=np.zeros_like(mean), where=total > 0), total

    def improvement(self, flux, weight):
        """Return by how much each trial lowers chi-squared below that of a smooth curve: [B, 2, S] of flux[B, L].

        First with lines, then without.
        """
        return np.stack([self._improve(f, w) for f, w in zip(flux, weight, strict=True)])

    def _improve(self, flux, weight):
        k = len(self.precision)
        curve = smooth(flux, weight)
        change = weight * (flux**2 - (flux - curve) ** 2)
        weights, weighted, changed = self._transform(np.stack([weight, weight * flux, change]))
        normal = np.zeros((len(self.steps), k, k))
        i, j = self.pairs.T
        normal[:, i, j] = normal[:, j, i] = self._correlate(weights, self.products).T
        right = self._correlate(weighted, self.templates).T
        normal += self.precision
        gains = [_gain(normal[:, :size, :size], right[:, :size]) for size in (k, self.continuum)]
        return np.stack(gains) - self._correlate(changed, self.reach)

    def compare(self, improvement, z):
        """Return what ``improvement`` [B, 2, S] says of the catalogue's redshifts z[B], as ``Found``."""
        away = np.abs(np.log1p(self.z) - np.log1p(np.asarray(z, dtype="f8"))[:, None]) * C_KMS
        here = (away <= self.settings.tolerance)[:, None]
        delta = np.where(here, improvement, -np.inf).max(axis=2) - np.where(here, -np.inf, improvement).max(axis=2)
        delta = np.where(here.any(axis=2), delta, np.nan)
        best = np.where(np.isnan(improvement[:, 0, 0]), np.nan, self.z[improvement[:, 0].argmax(axis=1)])
        return Found(best, *delta.T)

    def trusted(self, found):
        """Return where the catalogue's redshift beats all others by the margin asked for: bool[B], False for NaN."""
        return found.delta >= self.settings.min_delta_chi2


def _gain(normal, right):
    """Return by how much the best fit lowers chi-squared: [S] of normal equations [S, K, K], right [S, K]."""
    found = np.linalg.solve(normal, right[..., None])[..., 0]
    return (right * found).sum(axis=1)


def smooth(flux, weight):
    """Return the polynomial of degree SMOOTH in log wavelength that fits flux[L] best: [L]."""
    root = np.sqrt(weight)
    shapes = np.polynomial.legendre.legvander(np.linspace(-1, 1, len(flux)), SMOOTH)
    return shapes @ np.linalg.lstsq(shapes * root[:, None], flux * root, rcond=None)[0]
