"""From any wavelengths to the comb of native pixels, 1e-4 dex apart, that all of GalSpec reads."""

import numpy as np

from galspec_core.errors import SpectrumError
from galspec_core.spectra.grid import bridge_bad_pixels, pixel_edges
from galspec_core.spectra.spectrum import COMB_TOLERANCE, DIGITS, DLOGLAM, OPTICAL, Spectrum, comb

COARSE = 1.5  # native pixels: pixels wider than this are drawn between, not repeated, and lose resolution (our choice)
COVERED = 0.5  # share of an output pixel that good input pixels must cover
GAP = 3.0  # times the usual step around it: a wider step is a hole in the spectrum (our choice)
AROUND = 11  # steps that say what is usual
FEWEST = 10  # pixels of a spectrum


def to_comb(wave, flux, ivar, z, name="spectrum", and_mask=None):
    """Return the Spectrum on native pixels of flux[L] and ivar[L] at vacuum wavelengths wave[L] in Angstrom.

    Wavelengths that stand on a comb of 1e-4 dex already stay as they are. Elsewhere flux and ivar are shared out by overlap
    (``share_out``); between pixels wider than COARSE native ones lines are drawn instead, with the same ivar. A pixel that was
    bad (not finite, ivar not positive), lies in a hole or beyond the ends has ivar 0. A native pixel has the bits and_mask[L] of
    all good pixels that its flux is from.

    Raises
    ------
    SpectrumError
        "no pixels", or "irregular wavelengths": they do not rise or fall one by one, or are no Angstrom of the optical.
    """
    wave, flux, ivar = (np.asarray(values, dtype="f8") for values in (wave, flux, ivar))
    bits = np.zeros(wave.shape, "i4") if and_mask is None else and_mask
    wave, flux, ivar, bits = _in_order(wave, flux, ivar, bits, name)
    with np.errstate(all="ignore"):
        good = np.isfinite(flux.astype("f4")) & (ivar > 0) & np.isfinite(ivar.astype("f4"))
    steps = np.log10(wave) - comb(len(wave))
    if np.ptp(steps) < COMB_TOLERANCE * DLOGLAM:
        return _spectrum(float(np.median(steps)), flux, np.where(good, ivar, 0.0), good, bits, z)
    if not good.any():
        raise SpectrumError("no flux has a finite value and a positive ivar", reason="no pixels", item=name)
    start = np.ceil(np.log10(wave[0]) / DLOGLAM) * DLOGLAM
    pixels = comb(max(1, int((np.log10(wave[-1]) - start) / DLOGLAM) + 1) + 1)
    target, bins = 10 ** (start + pixels[:-1]), 10 ** (start + pixels - DLOGLAM / 2)
    flux, ivar, bits = (np.where(good, values, 0) for values in (flux, ivar, bits))
    found, found_ivar = share_out(pixel_edges(wave), flux, ivar, bins)
    if is_coarse(wave):
        found = np.interp(target, wave, bridge_bad_pixels(flux, good))
        first = np.searchsorted(wave, target, side="right") - 1
        last = np.minimum(first + 1, len(wave) - 1)
    else:
        places = _places(pixel_edges(wave), bins)
        first, last = places[:-1].astype(int), np.ceil(places[1:]).astype(int) - 1
    found_ivar = np.where(covered(wave, target), found_ivar, 0.0)
    return _spectrum(start, found, found_ivar, found_ivar > 0, _join_bits(bits, first, last), z)


def is_coarse(wave):
    """Return whether pixels at wave[L], rising or falling, are mostly wider than COARSE native ones."""
    return bool(np.nanmedian(np.abs(np.diff(np.log10(wave)))) > COARSE * DLOGLAM)


def inverse_variance(spread, power=1):
    """Return the ivar of errors (``power`` 1) or variances (2): 0 where they are not positive or not finite."""
    with np.errstate(all="ignore"):
        return np.where((spread > 0) & np.isfinite(spread), spread ** (-2.0 / power), 0.0)


def share_out(edges, flux, ivar, bins):
    """Return flux and ivar [..., P] of pixels between bins[P + 1] from those [..., L] of pixels between edges[L + 1].

    Flux is the mean over what good input pixels (ivar above 0) cover of an output pixel, so that energy is conserved. The ivar
    of an input pixel is shared out by the same overlaps, so that the sum of ivar, and a flat spectrum's S/N, is conserved however
    wide either's pixels are; neighbours share input pixels and are correlated for it (docs/surveys.md). Both are 0 where less
    than COVERED is good.
    """
    places, good = _places(edges, bins), np.diff(edges) * (ivar > 0)
    seen, shared = rebin(good, places), rebin(ivar, places)
    mean = np.divide(rebin(flux * good, places), seen, out=np.zeros_like(shared), where=seen > 1e-9)
    enough = seen >= COVERED * np.diff(bins)
    return np.where(enough, mean, 0), np.where(enough, shared, 0)


def _places(edges, bins):
    """Return where ``bins`` stand between ``edges``, in pixels from the first one's edge."""
    return np.interp(bins, edges, np.arange(len(edges)))


def rebin(values, places):
    """Return the sums [..., P] of values [..., L] between rising places [P + 1], in pixels from the first one's edge.

    Parts of pixels count in part; each sum is of its own pixels only, so that no huge number elsewhere takes its digits.
    """
    cuts = np.union1d(places, np.arange(np.ceil(places[0]), places[-1]))
    parts = np.diff(cuts) * values[..., ((cuts[1:] + cuts[:-1]) / 2).astype(int)]
    return np.add.reduceat(parts, np.searchsorted(cuts, places[:-1]), axis=-1)


def _join_bits(bits, first, last):
    """Return all bits that are set in any of ``bits`` [L] from ``first`` [P] to ``last`` [P]: int[P]."""
    pairs = np.column_stack([first, last + 1]).ravel()
    return np.bitwise_or.reduceat(np.append(bits, 0), pairs)[::2]


def covered(wave, target):
    """Return which pixels of ``target`` [M] lie wholly on those of ``wave`` [L], in no hole between them: bool[M]."""
    from scipy.ndimage import median_filter

    edges, bins, steps = (
        pixel_edges(wave),
        pixel_edges(target) if len(target) > 1 else np.repeat(target, 2),
        np.diff(wave),
    )
    holes = np.flatnonzero(steps > GAP * median_filter(steps, AROUND, mode="nearest"))
    left = np.clip(np.searchsorted(wave, target, side="right") - 1, 0, len(steps) - 1)
    return (bins[:-1] >= edges[0]) & (bins[1:] <= edges[-1]) & ~np.isin(left, holes)


def _in_order(wave, flux, ivar, bits, name):
    """Return the four with wavelengths that rise; rows without one are left out."""
    if not wave.shape == flux.shape == ivar.shape == bits.shape or wave.ndim != 1:
        got = ", ".join(str(values.shape) for values in (wave, flux, ivar))
        raise SpectrumError("wave, flux and ivar are not equally long lists", reason="no pixels", item=name, got=got)
    there = np.isfinite(wave)
    wave, flux, ivar, bits = (values[there] for values in (wave, flux, ivar, bits))
    if len(wave) < FEWEST:
        raise SpectrumError(
            "too few pixels", reason="no pixels", item=name, expected=f"at least {FEWEST}", got=len(wave)
        )
    if wave[0] > wave[-1]:
        wave, flux, ivar, bits = (values[::-1] for values in (wave, flux, ivar, bits))
    if not (np.diff(wave) > 0).all():
        raise SpectrumError("wavelengths neither rise nor fall one by one", reason="irregular wavelengths", item=name)
    low, high = (10**limit for limit in OPTICAL)
    if not low <= wave[0] < wave[-1] <= high:
        expected, got = f"{low:,.0f} to {high:,.0f} Angstrom", f"{wave[0]:.5g} to {wave[-1]:.5g}"
        what, remedy = "these are no optical wavelengths", "Give wave in Angstrom, in vacuum, observed frame"
        facts = dict(reason="irregular wavelengths", item=name, expected=expected, got=got, remedy=remedy)
        raise SpectrumError(what, **facts)
    return wave, flux, ivar, bits


def _spectrum(start, flux, ivar, good, bits, z):
    with np.errstate(all="ignore"):
        flux = np.where(good | np.isfinite(flux), flux, np.nan).astype("f4")
        return Spectrum(round(start, DIGITS), flux, ivar.astype("f4"), bits.astype("i4"), float(z))
