"""One spectrum as SDSS observed it: reading a spec-lite file, good pixels, normalisation."""

import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from astropy.io import fits

from galspec_core.errors import ConfigError, SpectrumError

DLOGLAM = 1e-4  # dex per native pixel: SDSS co-added spectra stand on one comb (SDSS data model, spec-lite)
COADD = {"flux": "f4", "loglam": "f8", "ivar": "f4", "and_mask": "i4"}  # columns of HDU 1 that are read, and as what
UNREADABLE = (OSError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, fits.VerifyError, Warning)
OPEN = {
    "memmap": False,
    "lazy_load_hdus": True,
    "disable_image_compression": True,
}  # a compressed image could be a bomb
COMB_TOLERANCE = 0.2  # of a pixel: loglam is stored as float32, whose step near 3.9 is 2.4e-7 dex
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
        """Vacuum wavelength in Angstrom, observed frame: ndarray[L]."""
        return 10 ** (self.loglam0 + DLOGLAM * np.arange(len(self.flux)))


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
        With ``reason`` one of "cut short", "not FITS", "missing column", "irregular wavelengths", "no pixels",
        "another spectrum".
    """
    flux, loglam, ivar, and_mask = _coadd_columns(content, name, identity)
    if len(flux) == 0:
        raise SpectrumError("the COADD table has no rows", reason="no pixels", item=name)
    return Spectrum(_comb_start(loglam, name), flux, ivar, and_mask, float(z))


def _coadd_columns(content, name, identity):
    """Return flux, loglam, ivar and and_mask of HDU 1 as arrays[L]."""
    if not content.startswith(b"SIMPLE  ="):
        raise SpectrumError("not a FITS file", reason="not FITS", item=name, got=f"first bytes {content[:12]!r}")
    if len(content) % 2880:
        expected = "a whole number of 2880-byte blocks"
        raise SpectrumError(
            "the file is cut short", reason="cut short", item=name, expected=expected, got=f"{len(content):,} bytes"
        )
    try:
        with warnings.catch_warnings(), fits.open(BytesIO(content), **OPEN) as hdus:
            warnings.simplefilter("ignore")  # of cards that break the standard, which archives do write
            warnings.filterwarnings("error", "File may have been truncated")
            _check_identity(hdus[0].header, identity, name)
            data = hdus[1].data
            names = {column.lower(): column for column in data.names}
            missing = {"flux", "loglam", "ivar", "and_mask"} - set(names)
            if missing:
                raise SpectrumError("HDU 1 lacks columns", reason="missing column", item=name, got=sorted(missing))
            return [_plain(data[names[key]], kind) for key, kind in COADD.items()]
    except UNREADABLE as error:
        raise SpectrumError("HDU 1 cannot be read", reason="cut short", item=name, got=str(error)[:200]) from error


def _plain(values, kind):
    """Return a column's values[L] as numbers of type ``kind``; raise ValueError for another shape or text."""
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise ValueError(f"a column of {values.dtype} with shape {values.shape}")
    return np.ascontiguousarray(values, dtype=kind)


def _check_identity(header, identity, name):
    """Raise SpectrumError if the header names another plate, mjd or fiberid than ``identity``."""
    found = tuple(header.get(key) for key in ("PLATEID", "MJD", "FIBERID"))
    pairs = zip(found, identity or (), strict=identity is not None)
    if any(there is not None and int(there) != int(wanted) for there, wanted in pairs):
        expected, got = ("-".join(map(str, numbers)) for numbers in (identity, found))
        raise SpectrumError(
            "the file holds another spectrum", reason="another spectrum", item=name, expected=expected, got=got
        )


def _comb_start(loglam, name):
    """Return loglam of the first pixel as the comb has it; the rest must follow in steps of 1e-4 dex."""
    loglam = np.asarray(loglam, dtype="f8")
    steps = loglam - DLOGLAM * np.arange(len(loglam))
    start = float(np.median(steps)) if np.isfinite(steps).all() else np.nan
    if not np.abs(steps - start).max() < COMB_TOLERANCE * DLOGLAM:
        raise SpectrumError("loglam does not rise by 1e-4 a pixel", reason="irregular wavelengths", item=name)
    return round(start, 6)


def good_pixels(spectrum, bad_bits):
    """Return where flux and ivar are finite, ivar is positive and none of ``bad_bits`` is set: bool[L]."""
    finite = np.isfinite(spectrum.flux) & np.isfinite(spectrum.ivar)
    return finite & (np.nan_to_num(spectrum.ivar) > 0) & ((spectrum.and_mask & bad_bits) == 0)


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
    rest = spectrum.wave / (1 + spectrum.z)
    inside = good & (rest >= window[0]) & (rest <= window[1])
    whole = np.log10(window[1] / window[0]) / DLOGLAM
    if inside.sum() < min_good * whole:
        what = f"only {inside.sum()} of {whole:.0f} pixels of the rest-frame window {window[0]:.0f}-{window[1]:.0f} A are good"
        raise SpectrumError(
            what, reason="no normalisation window", expected=f"{min_good:.0%}", got=f"z = {spectrum.z:.4f}"
        )
    median = float(np.median(spectrum.flux[inside]))
    if not median > 0:
        raise SpectrumError(
            "the median flux of the window is not positive", reason="median not positive", got=f"{median:.3g}"
        )
    return median


def normalise(spectrum, good, window, min_good=0.5):
    """Return the spectrum over its window's median: flux * sqrt(ivar), the S/N of each pixel, stays what it was."""
    median = window_median(spectrum, good, window, min_good)
    return Spectrum(spectrum.loglam0, spectrum.flux / median, spectrum.ivar * median**2, spectrum.and_mask, spectrum.z)


def check_pixels(spectrum, good, min_good_share):
    """Raise SpectrumError unless enough pixels of the spectrum can be used.

    The reason is "all NaN", "all masked", "few good pixels" or "redshift": a redshift that is not finite or not above
    -0.1 has no rest frame.
    """
    if not (np.isfinite(spectrum.z) and spectrum.z > -0.1):
        raise SpectrumError(
            "the redshift cannot be used", reason="redshift", got=spectrum.z, expected="finite, above -0.1"
        )
    if not np.isfinite(spectrum.flux).any():
        raise SpectrumError("no flux is a finite number", reason="all NaN")
    if not good.any():
        raise SpectrumError("no pixel is good: ivar is 0 or a mask bit is set in each", reason="all masked")
    if good.mean() < min_good_share:
        got, expected = f"{good.mean():.1%} of {len(good)}", f"at least {min_good_share:.0%}"
        raise SpectrumError("too few pixels are good", reason="few good pixels", got=got, expected=expected)
