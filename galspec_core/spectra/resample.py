"""From any wavelengths to the comb of native pixels, 1e-4 dex apart, that all of GalSpec reads."""

import numpy as np

from galspec_core.errors import SpectrumError
from galspec_core.spectra.grid import (
    average_over_pixels,
    bridge_bad_pixels,
    find_neighbours,
    interpolate_linear,
    pixel_edges,
)
from galspec_core.spectra.spectrum import COMB_TOLERANCE, DIGITS, DLOGLAM, OPTICAL, Spectrum, comb

COARSE = 1.5  # native pixels: pixels wider than this are drawn between, not repeated (our choice)
GAP = 3.0  # times the usual step around it: a wider step is a hole in the spectrum (our choice)
AROUND = 11  # steps that say what is usual
FEWEST = 10  # pixels of a spectrum


def to_comb(wave, flux, ivar, z, name="spectrum"):
    """Return the Spectrum on native pixels of flux[L] and ivar[L] at vacuum wavelengths wave[L] in Angstrom.

    Wavelengths that stand on a comb of 1e-4 dex already stay as they are. Of finer pixels those that a native pixel covers are
    averaged by their overlap, so that the flux is conserved; between coarser ones lines are drawn. A pixel that was bad (not
    finite, ivar not positive), lies in a hole or beyond the ends has ivar 0.

    Raises
    ------
    SpectrumError
        "no pixels", or "irregular wavelengths": they do not rise or fall one by one, or are no Angstrom of the optical.
    """
    wave, flux, ivar = _in_order(*(np.asarray(values, dtype="f8") for values in (wave, flux, ivar)), name)
    with np.errstate(all="ignore"):
        good = np.isfinite(flux.astype("f4")) & (ivar > 0) & np.isfinite(ivar.astype("f4"))
    steps = np.log10(wave) - comb(len(wave))
    if np.ptp(steps) < COMB_TOLERANCE * DLOGLAM:
        return _spectrum(float(np.median(steps)), flux, np.where(good, ivar, 0.0), good, z)
    if not good.any():
        raise SpectrumError("no flux has a finite value and a positive ivar", reason="no pixels", item=name)
    start = np.ceil(np.log10(wave[0]) / DLOGLAM) * DLOGLAM
    target = 10 ** (start + comb(max(1, int((np.log10(wave[-1]) - start) / DLOGLAM) + 1)))
    var = np.divide(1.0, ivar, out=np.full(len(ivar), np.inf), where=good)
    method = _draw if np.median(np.diff(np.log10(wave))) > COARSE * DLOGLAM else average_over_pixels
    found, variance = method(wave, bridge_bad_pixels(np.where(good, flux, 0.0), good), var, target, None, None)
    with np.errstate(divide="ignore"):
        found_ivar = np.where(covered(wave, target) & (variance > 0), 1 / variance, 0.0)
    return _spectrum(start, found, found_ivar, found_ivar > 0, z)


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


def _draw(wave, flux, var, target, *_):
    """Draw straight lines between pixels, the noise as ``interpolate_linear`` has it."""
    guess = np.searchsorted(wave, target, side="right") - 1
    return interpolate_linear(wave, flux, var, target, *find_neighbours(wave, target, guess))


def _in_order(wave, flux, ivar, name):
    """Return the three with wavelengths that rise; rows without one are left out."""
    if not len(wave) == len(flux) == len(ivar) or wave.ndim != 1:
        got = ", ".join(str(values.shape) for values in (wave, flux, ivar))
        raise SpectrumError("wave, flux and ivar are not equally long lists", reason="no pixels", item=name, got=got)
    there = np.isfinite(wave)
    wave, flux, ivar = (values[there] for values in (wave, flux, ivar))
    if len(wave) < FEWEST:
        raise SpectrumError(
            "too few pixels", reason="no pixels", item=name, expected=f"at least {FEWEST}", got=len(wave)
        )
    if wave[0] > wave[-1]:
        wave, flux, ivar = wave[::-1], flux[::-1], ivar[::-1]
    if not (np.diff(wave) > 0).all():
        raise SpectrumError("wavelengths neither rise nor fall one by one", reason="irregular wavelengths", item=name)
    low, high = (10**limit for limit in OPTICAL)
    if not low <= wave[0] < wave[-1] <= high:
        expected, got = f"{low:,.0f} to {high:,.0f} Angstrom", f"{wave[0]:.5g} to {wave[-1]:.5g}"
        what, remedy = "these are no optical wavelengths", "Give wave in Angstrom, in vacuum, observed frame"
        facts = dict(reason="irregular wavelengths", item=name, expected=expected, got=got, remedy=remedy)
        raise SpectrumError(what, **facts)
    return wave, flux, ivar


def _spectrum(start, flux, ivar, good, z):
    with np.errstate(all="ignore"):
        flux = np.where(good | np.isfinite(flux), flux, np.nan).astype("f4")
        return Spectrum(round(start, DIGITS), flux, ivar.astype("f4"), np.zeros(len(flux), "i4"), float(z))
