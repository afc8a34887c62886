"""DESI spectra: a coadd file's three arms as one spectrum on the native pixels that SDSS has.

Written to the DESI data model (desidatamodel, coadd-SURVEY-PROGRAM-PIXNUM): for each arm B, R and Z the images WAVELENGTH [L],
FLUX, IVAR and MASK [n, L], one row a target, and a table FIBERMAP with the TARGETID of each row. Wavelengths are vacuum, in
steps of 0.8 Angstrom, on one comb for all arms; flux is in 1e-17 erg/s/cm2/Angstrom, as SDSS's.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from galspec_core.errors import SpectrumError
from galspec_core.spectra.resample import share_out
from galspec_core.spectra.spectrum import DIGITS, DLOGLAM, MASK_BITS, Spectrum

ARMS = ("B", "R", "Z")
STEP = 0.8  # Angstrom of an input pixel
STEP_TOLERANCE = 0.01  # of it: wavelengths are float64
REACH = (3000.0, 11000.0)  # Angstrom between which all pixels must stand; DESI has 3600 to 9824
ROWS_AT_ONCE = 64  # spectra that are joined together: 30 MB
MOST_TARGETS = 20_000  # of one file; DESI has some hundred
NODATA = np.int32(1 << MASK_BITS["NODATA"])
DAMAGED = (  # what astropy says of a damaged file
    OSError,
    EOFError,
    fits.VerifyError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)


@dataclass(frozen=True)
class Arms:
    """Spectra of all arms on one comb: wave[L] Angstrom, flux[n, L], ivar[n, L] float64, 0 where a pixel is bad."""

    wave: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray


def read_coadd_file(path, targetids, name=None):
    """Return {targetid: Spectrum with z = NaN} of those of ``targetids`` that a coadd file holds.

    Only their rows are read: most of such a file is resolution matrices.

    Raises
    ------
    SpectrumError
        With ``reason`` one of "cut short", "damaged", "missing arm", "wrong type" or "irregular wavelengths".
    """
    name = name or str(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file cut short: every HDU's end is checked
            with open(path, "rb") as file, fits.open(file, memmap=False, lazy_load_hdus=False) as hdus:
                return _read(hdus, path.stat().st_size, [int(i) for i in targetids])
    except SpectrumError as error:
        error.item = name
        raise
    except DAMAGED as error:
        what = "the file cannot be read as FITS"
        raise SpectrumError(what, reason="damaged", item=name, got=str(error)[:200] or type(error).__name__) from None


def _read(hdus, size, wanted):
    found = {hdu.name: hdu for hdu in hdus}
    for name in ("FIBERMAP", *(f"{arm}_{kind}" for arm in ARMS for kind in ("WAVELENGTH", "FLUX", "IVAR", "MASK"))):
        if name not in found:
            raise SpectrumError(f"there is no HDU {name}", reason="missing arm", expected=f"arms {', '.join(ARMS)}")
        place = found[name].fileinfo()
        if place["datLoc"] + place["datSpan"] > size:
            what, expected = "the file is cut short", f"{place['datLoc'] + place['datSpan']:,} bytes for {name}"
            raise SpectrumError(what, reason="cut short", expected=expected, got=f"{size:,}")
    ids = np.asarray(found["FIBERMAP"].data["TARGETID"])
    if ids.dtype.kind not in "iu" or len(ids) > MOST_TARGETS:
        got = f"{len(ids):,} targets, {ids.dtype}"
        raise SpectrumError("FIBERMAP has no usable TARGETID", reason="wrong type", expected="int64", got=got)
    row = {int(i): k for k, i in reversed(list(enumerate(ids.tolist())))}
    rows = [(i, row[i]) for i in wanted if i in row]
    spectra = {}
    for start in range(0, len(rows), ROWS_AT_ONCE):
        spectra |= _read_rows(found, len(ids), rows[start : start + ROWS_AT_ONCE])
    return spectra


def _read_rows(found, n, rows):
    """Return {targetid: Spectrum} of some of a file's ``n`` rows: (targetid, row) each."""
    arms = join_arms([_read_arm(found, arm, n, [k for _, k in rows]) for arm in ARMS])
    loglam0, flux, ivar, mask = to_comb(arms)
    return {i: Spectrum(loglam0, *arrays, float("nan")) for (i, _), *arrays in zip(rows, flux, ivar, mask, strict=True)}


def _read_arm(found, arm, n, rows):
    """Return wave[L], flux and ivar [R, L] of some rows of an arm; pixels with any mask bit, or no number, are bad."""
    wave = np.asarray(found[f"{arm}_WAVELENGTH"].data, dtype="f8")
    if wave.ndim != 1 or len(wave) < 2:
        raise SpectrumError(f"{arm}_WAVELENGTH is no list of wavelengths", reason="wrong type", got=wave.shape)
    images = {}
    for kind in ("FLUX", "IVAR", "MASK"):
        hdu = found[f"{arm}_{kind}"]
        if hdu.shape != (n, len(wave)):
            expected, got = f"{n} x {len(wave)}", " x ".join(map(str, hdu.shape))
            raise SpectrumError(f"{arm}_{kind} has another shape", reason="wrong type", expected=expected, got=got)
        images[kind] = np.stack([np.asarray(hdu.section[row]) for row in rows])
    if images["MASK"].dtype.kind not in "iu":
        raise SpectrumError(f"{arm}_MASK holds no bits", reason="wrong type", got=images["MASK"].dtype)
    flux, ivar = images["FLUX"].astype("f8"), images["IVAR"].astype("f8")
    good = (images["MASK"] == 0) & np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
    return wave, np.where(good, flux, 0.0), np.where(good, ivar, 0.0)


def join_arms(arms):
    """Return Arms from (wave[L], flux[n, L], ivar[n, L]) of each arm: weighted by ivar where two overlap.

    Raises
    ------
    SpectrumError
        "irregular wavelengths" if the arms are not on one comb of STEP.
    """
    start = min(float(wave[0]) for wave, _, _ in arms)
    places = [_places(wave, start) for wave, _, _ in arms]
    n = max(int(place[-1]) for place in places) + 1
    weighted, ivar = np.zeros((2, len(arms[0][1]), n))
    for place, (_, flux, weight) in zip(places, arms, strict=True):
        weighted[:, place] += flux * weight
        ivar[:, place] += weight
    flux = np.divide(weighted, ivar, out=np.zeros_like(ivar), where=ivar > 0)
    return Arms(start + STEP * np.arange(n), flux, ivar)


def _places(wave, start):
    """Return the place of each wavelength on the comb of STEP that begins at ``start``: int[L], rising by 1."""
    sound = np.isfinite(wave).all() and REACH[0] <= wave.min() and wave.max() <= REACH[1]
    place = np.rint((wave - start) / STEP).astype("i8") if sound else None
    if not sound or (np.diff(place) != 1).any() or np.abs(wave - start - STEP * place).max() > STEP_TOLERANCE * STEP:
        expected = f"steps of {STEP} A between {REACH[0]:.0f} and {REACH[1]:.0f} A, one comb for all arms"
        got = f"{wave[0]:.3f} to {wave[-1]:.3f} A"
        raise SpectrumError("wavelengths are irregular", reason="irregular wavelengths", expected=expected, got=got)
    return place


def to_comb(arms):
    """Return Arms on native pixels of 1e-4 dex: loglam0, flux[n, P], ivar[n, P] float32 and and_mask[n, P] int32.

    Both are shared out by overlap (``share_out``). Where too little is good, ivar is 0 and NODATA is set.
    """
    edges = arms.wave[0] + STEP * (np.arange(len(arms.wave) + 1) - 0.5)
    first = int(np.ceil(np.log10(edges[0]) / DLOGLAM + 0.5))  # the first pixel that lies wholly within
    last = int(np.floor(np.log10(edges[-1]) / DLOGLAM - 0.5))
    flux, ivar = share_out(edges, arms.flux, arms.ivar, 10 ** (DLOGLAM * (np.arange(first, last + 2) - 0.5)))
    mask = np.where(ivar > 0, np.int32(0), NODATA)
    return round(first * DLOGLAM, DIGITS), flux.astype("f4"), ivar.astype("f4"), mask
