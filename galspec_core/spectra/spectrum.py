"""One spectrum as SDSS observed it: reading a spec-lite file, good pixels, normalisation."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.spectra.fits_bytes import read_columns, split_hdus

DLOGLAM = 1e-4  # dex per native pixel: SDSS co-added spectra stand on one comb (SDSS data model, spec-lite)
COMB_TOLERANCE = 0.2  # of a pixel: loglam is stored as float32, whose step near 3.9 is 2.4e-7 dex
DIGITS = 6  # of loglam0: a hundredth of a pixel
OPTICAL = (3.0, 4.5)  # log10 of Angstrom: 1,000 to 31,623; SDSS spectra reach from 3,500 to 10,400 (our choice)
NUMBERS = {"flux": "f4", "loglam": "f8", "ivar": "f4"}  # columns of HDU 1, and as what we keep them
COADD, IDENTITY = (*NUMBERS, "and_mask"), ("PLATEID", "MJD", "FIBERID")  # columns of HDU 1, cards of HDU 0
COMB = DLOGLAM * np.arange(round((OPTICAL[1] - OPTICAL[0]) / DLOGLAM))  # of the longest spectrum
COMB.flags.writeable = False
COMB_FIRST, COMB_EXACT = round(OPTICAL[0] / DLOGLAM), 10.0**-DIGITS  # number of its first pixel; of a pixel
MASK_BITS = {  # SPPIXMASK (SDSS bitmask documentation), the bits that stand for a pixel without a usable flux
    "NOPLUG": 0,
    "BADTRACE": 1,
    "BADFLAT": 2,
    "BADARC": 3,
    "MANYBADCOLUMNS": 4,
    "MANYREJECTED": 5,
    "LARGESHIFT": 6,
    "BADSKYFIBER": 7,
    "NEARWHOPPER": 8,
    "WHOPPER": 9,
    "SMEARIMAGE": 10,
    "SMEARHIGHSN": 11,
    "SMEARMEDSN": 12,
    "NEARBADPIXEL": 16,
    "LOWFLAT": 17,
    "FULLREJECT": 18,
    "PARTIALREJECT": 19,
    "SCATTEREDLIGHT": 20,
    "CROSSTALK": 21,
    "NOSKY": 22,
    "BRIGHTSKY": 23,
    "NODATA": 24,
    "COMBINEREJ": 25,
    "BADFLUXFACTOR": 26,
    "BADSKYCHI": 27,
    "REDMONSTER": 28,
}


@dataclass(frozen=True)
class Spectrum:
    """A co-added spectrum on native pixels.

    Attributes
    ----------
    loglam0 : float
        log10 of the first pixel's vacuum wavelength in Angstrom; pixel i stands at ``loglam0 + 1e-4 i``.
    flux : ndarray[L]
        1e-17 erg/s/cm2/Angstrom, or in units of the normalisation after :func:`normalise`.
    ivar : ndarray[L]
        Inverse variance of ``flux``; 0 where the pixel is bad.
    and_mask : ndarray[L]
        SPPIXMASK bits set in every exposure.
    z : float
        Redshift.
    """

    loglam0: float
    flux: np.ndarray
    ivar: np.ndarray
    and_mask: np.ndarray
    z: float

    @property
    def wave(self):
        """Vacuum wavelength in Angstrom, observed frame: ndarray[L]. It is read-only."""
        first, n = self.first_pixel, len(self.flux)
        if first is not None and first + n <= len(COMB):
            return comb_wavelengths()[first : first + n]
        wave = 10 ** (self.loglam0 + comb(n))
        wave.flags.writeable = False
        return wave

    @property
    def first_pixel(self):
        """Where the first pixel stands among those of ``comb_wavelengths``, as in all of SDSS; None if it does not."""
        number = self.loglam0 / DLOGLAM
        first = round(number)
        return first - COMB_FIRST if abs(number - first) < COMB_EXACT and first >= COMB_FIRST else None


@cache
def comb_wavelengths():
    """Return the wavelengths of all whole multiples of 1e-4 dex in OPTICAL: worked out once, as powers take long."""
    wave = 10 ** (DLOGLAM * (COMB_FIRST + np.arange(len(COMB))))
    wave.flags.writeable = False
    return wave


def mask_value(names):
    """Return the and_mask value with the named SPPIXMASK bits set; raise ConfigError for a name SDSS does not have."""
    unknown = sorted(set(names) - set(MASK_BITS))
    if unknown:
        known = ", ".join(MASK_BITS)
        raise ConfigError(
            "unknown and_mask bit", item="spectra.bad_mask_bits", expected=f"some of {known}", got=unknown
        )
    return sum(1 << MASK_BITS[name] for name in set(names))


def read_spec_lite(content, z, name="spectrum", identity=None):
    """Read the co-added spectrum of a spec-lite file.

    Whether a galaxy is in it the catalogue says and not the file: real galaxies stand on fibres meant for the sky.

    Parameters
    ----------
    content : bytes
        The whole file.
    z : float
        Redshift to give the spectrum (the catalogue's, not the file's).
    name : str
        How error messages call the file.
    identity : (int, int, int), optional
        plate, mjd and fiberid that the header must have, where it has any.

    Raises
    ------
    SpectrumError
        With ``reason`` one of "cut short", "damaged", "not FITS", "missing column", "wrong type",
        "irregular wavelengths", "no pixels", "another spectrum".
    """
    values = read_coadd(content, name, identity)
    if not len(values["flux"]):
        raise SpectrumError("the COADD table has no rows", reason="no pixels", item=name)
    start = _comb_start(values["loglam"], name)
    return Spectrum(start, values["flux"], values["ivar"], values["and_mask"], float(z))


def read_coadd(content, name, identity=None):
    """Return the four columns of HDU 1 of a spec-lite file's bytes: flux[L], ivar[L] float32, loglam[L], and_mask[L] int32.

    Parameters and errors are those of :func:`read_spec_lite`, but the wavelengths are not looked at.
    """
    if not content:
        raise SpectrumError("the file is empty", reason="cut short", item=name)
    if not content.startswith(b"SIMPLE  ="):
        raise SpectrumError("not a FITS file", reason="not FITS", item=name, got=f"first bytes {content[:12]!r}")
    hdus = split_hdus(content, name)
    _check_identity(hdus[0], identity, name)
    if len(hdus) < 2:
        raise SpectrumError("the file ends before HDU 1", reason="cut short", item=name, got=f"{len(content):,} bytes")
    try:
        columns = read_columns(content, hdus[1], COADD)
        values = {key: columns[key][0].values(columns[key][1], kind) for key, kind in NUMBERS.items()}
        return values | {"and_mask": columns["and_mask"][0].bits(columns["and_mask"][1])}
    except SpectrumError as error:
        error.item = f"{name}, HDU 1"
        raise


def _check_identity(hdu, identity, name):
    """Raise SpectrumError if a header has another plate, mjd or fiberid than ``identity``."""
    if identity is None:
        return
    found = {key: text for key in IDENTITY if (text := hdu.text(key)) is not None}
    if all(_same(found.get(key, number), number) for key, number in zip(IDENTITY, identity, strict=True)):
        return
    expected, got = "-".join(map(str, identity)), ", ".join(f"{key} {text}" for key, text in found.items())
    raise SpectrumError(
        "the file holds another spectrum", reason="another spectrum", item=name, expected=expected, got=got
    )


def _same(text, number):
    try:
        return float(text) == number
    except ValueError:
        return False


def comb(n):
    """Return how far each of ``n`` native pixels is from the first: float64[n], dex. It is read-only."""
    return COMB[:n] if n <= len(COMB) else DLOGLAM * np.arange(n)


def median(values):
    """Return the median of values[n], n > 0, as np.median does in three times the time."""
    half = len(values) // 2
    parts = np.partition(values, half)
    return float(parts[half]) if len(values) % 2 else (float(parts[:half].max()) + float(parts[half])) / 2


def _comb_start(loglam, name):
    """Return loglam of the first pixel as the comb has it; the rest must follow in steps of 1e-4 dex."""
    with np.errstate(all="ignore"):  # numbers that are none fail every comparison
        steps = loglam - comb(len(loglam))
        low, high = float(steps.min()), float(steps.max())
        start = low if round(low, DIGITS) == round(high, DIGITS) else median(steps)  # which lies between them
        regular = max(high - start, start - low) < COMB_TOLERANCE * DLOGLAM
    if not regular:
        raise SpectrumError("loglam does not rise by 1e-4 a pixel", reason="irregular wavelengths", item=name)
    if not OPTICAL[0] <= start <= start + DLOGLAM * len(loglam) <= OPTICAL[1]:
        expected, got = (f"loglam from {low:.2f} to {high:.2f}" for low, high in (OPTICAL, loglam[[0, -1]]))
        facts = dict(reason="irregular wavelengths", item=name, expected=expected, got=got)
        raise SpectrumError("loglam is not log10 of a wavelength in Angstrom", **facts)
    return round(start, DIGITS)


def good_pixels(spectrum, bad_bits):
    """Return where flux and ivar are finite, ivar is positive and none of ``bad_bits`` is set: bool[L]."""
    return usable(spectrum) & ((spectrum.and_mask & bad_bits) == 0)


def usable(spectrum):
    """Return where flux and ivar are finite and ivar is positive, whatever the mask says: bool[L]."""
    return np.isfinite(spectrum.flux) & (spectrum.ivar > 0) & (spectrum.ivar < np.inf)


def window_median(spectrum, good, window, min_good=0.5):
    """Return the median flux of the good pixels in a rest-frame window (paper, section 3.2).

    Parameters
    ----------
    good : bool[L]
    window : (float, float)
        Angstrom, rest frame.
    min_good : float
        Share of the window's native pixels that must be good.

    Raises
    ------
    SpectrumError
        "no normalisation window" if too few pixels are good, "median not positive" if the median is zero or below.
    """
    low, high = ((1 + spectrum.z) * edge for edge in window)
    window_pixels = slice(spectrum.wave.searchsorted(low), spectrum.wave.searchsorted(high, side="right"))
    flux = spectrum.flux[window_pixels][good[window_pixels]]
    whole = np.log10(window[1] / window[0]) / DLOGLAM
    if len(flux) < max(min_good * whole, 1):
        what = f"only {len(flux)} of {whole:.0f} pixels of the rest-frame window {window[0]:.0f}-{window[1]:.0f} A are good"
        raise SpectrumError(
            what, reason="no normalisation window", expected=f"{min_good:.0%}", got=f"z = {spectrum.z:.4f}"
        )
    level = median(flux)
    if not level > 0:
        raise SpectrumError(
            "the median flux of the window is not positive", reason="median not positive", got=f"{level:.3g}"
        )
    return level


def normalise(spectrum, good, window, min_good=0.5):
    """Return the spectrum over its window's median: flux * sqrt(ivar), the S/N of each pixel, stays what it was."""
    level = window_median(spectrum, good, window, min_good)
    with np.errstate(all="ignore"):  # what passes float32 is infinite or 0, which is a bad pixel
        flux = (spectrum.flux / level).astype("f4", copy=False)
        ivar = np.multiply(spectrum.ivar, np.float64(level) ** 2, dtype="f8").astype("f4")
    return Spectrum(spectrum.loglam0, flux, ivar, spectrum.and_mask, spectrum.z)


def check_pixels(spectrum, good, min_good_share):
    """Raise SpectrumError unless enough pixels of the spectrum can be used.

    The reason is "all NaN", "all masked", "few good pixels" or "redshift": a redshift that is not finite or not above
    -0.1 has no rest frame.
    """
    if not (math.isfinite(spectrum.z) and spectrum.z > -0.1):
        raise SpectrumError(
            "the redshift cannot be used", reason="redshift", got=spectrum.z, expected="finite, above -0.1"
        )
    share = np.count_nonzero(good) / len(good)
    if share == 0 and not np.isfinite(spectrum.flux).any():
        raise SpectrumError("no flux is a finite number", reason="all NaN")
    if share == 0:
        raise SpectrumError("no pixel is good: ivar is 0 or a mask bit is set in each", reason="all masked")
    if share < min_good_share:
        got, expected = f"{share:.1%} of {len(good)}", f"at least {min_good_share:.0%}"
        raise SpectrumError("too few pixels are good", reason="few good pixels", got=got, expected=expected)


def check_measured(z):
    """Raise SpectrumError for a catalogue's redshift of exactly 0: catalogues write it where none was measured."""
    if z == 0:
        raise SpectrumError("the catalogue has no redshift", reason="redshift", got=z, expected="not 0")
