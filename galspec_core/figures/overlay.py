"""A spectrum over its neighbours in few enough points to draw: means over equal steps of rest wavelength, holes left open."""

from dataclasses import dataclass

import numpy as np

BINS = 1000  # points of a drawn spectrum
USUAL = (3500.0, 7000.0)  # Angstrom, where a spectrum has no good pixel


@dataclass(frozen=True)
class Curves:
    """``wave`` [M] in Angstrom, rest frame, with the spectrum's ``own`` flux [M], that of its neighbours ``near`` (list of [M])
    and what is ``left`` [M] without their weighted mean; NaN in holes."""

    wave: np.ndarray
    own: np.ndarray
    near: list
    left: np.ndarray
    limits: tuple


def make_curves(answer, spectra):
    """Return the Curves of an Answer; ``spectra`` is {specobjid: (rest wavelengths [L], flux[L], ivar[L])} of its neighbours."""
    seen = np.flatnonzero(answer.ivar > 0)
    limits = (float(answer.wave[seen[0]]), float(answer.wave[seen[-1]])) if len(seen) > 1 else USUAL
    edges = np.linspace(*limits, BINS + 1)
    own = averaged(answer.wave, answer.flux, answer.ivar > 0, edges)
    near = [_binned(spectra.get(int(name)), edges) for name in answer.neighbours["specobjid"]]
    left = own - weighted_mean(near, answer.neighbours["weight"].to_numpy())
    return Curves((edges[1:] + edges[:-1]) / 2, own, near, left, limits)


def averaged(wave, flux, good, edges):
    """Return the mean of the good pixels of flux[L] between ``edges`` [M + 1], NaN where there is none: [M]."""
    place = np.searchsorted(edges, wave, side="right") - 1
    inside = good & (place >= 0) & (place < len(edges) - 1)
    count = np.bincount(place[inside], minlength=len(edges) - 1)
    total = np.bincount(place[inside], flux[inside].astype("f8"), minlength=len(edges) - 1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _binned(spectrum, edges):
    if spectrum is None:
        return np.full(len(edges) - 1, np.nan)
    wave, flux, ivar = spectrum
    return averaged(wave, flux, ivar > 0, edges)


def weighted_mean(near, weights):
    """Return the mean of the neighbours' flux (list of [M]) by weight [K], or alike where none has any; of those that see a pixel."""
    if not near:
        return np.nan
    weights = weights if weights.sum() > 0 else np.ones(len(weights))
    flux = np.stack(near)
    there = np.isfinite(flux) * weights[:, None]
    total = there.sum(axis=0)
    return np.divide((np.nan_to_num(flux) * there).sum(axis=0), total, out=np.full(len(total), np.nan), where=total > 0)


def value_limits(values, others=(), around=None):
    """Return (lowest, highest) of an axis: nearly all values, the lowest of those first drawn beside them, and some room."""
    values = values[np.isfinite(values)]
    low, high, most = np.percentile(values, [0.3, 99.0, 100]) if len(values) else (0.0, 1.0, 1.0)
    high = min(most, high + 0.6 * (high - low))  # lines stand out, a cosmic ray does not
    for other in others:
        low = min(low, np.nanpercentile(other, 2)) if np.isfinite(other).any() else low
    if around is not None:
        high = max(abs(low - around), abs(high - around))
        low, high = around - high, around + high
    room = 0.06 * max(high - low, 1e-3)
    return float(low - room), float(high + room)
