"""What a model cannot explain: residual light, searched for lines of any width and for groups of lines at one redshift.

A lensed background galaxy is a few faint lines on another galaxy's light: no embedding of the whole sees them, and what is
left after the model is taken away does (after Bolton et al. 2004, AJ 127, 1860). Every number here is a matched-filter S/N,
so that a constant threshold means the same in every spectrum. ``describe_residual`` puts those that tell an odd spectrum into a
vector, which stands beside the embedding.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve1d
from scipy.signal import oaconvolve

from galspec_core.encoder.lines import C_KMS, LINES
from galspec_core.spectra.spectrum import DLOGLAM

BACKGROUND = {  # lines of a star-forming galaxy that is seen through another one
    "[O II] 3727": ((3727.09, 1.0), (3729.88, 1.0)),
    "Hβ": ((4862.68, 1.0),),
    "[O III] 5007": ((5008.24, 1.0), (4960.30, 1 / 2.98)),
    "Hα": ((6564.61, 1.0),),
}
NARROW = 120.0  # km/s, sigma of a background line, instrument included (our choice)
OWN = 350.0  # km/s from a line of the galaxy itself where no background line is looked for (our choice)
BEHIND = 0.05  # least z_source - z (our choice)
FURTHEST = 1.6  # highest background redshift: [O II] leaves the detector (SDSS data model)
REACH = 4.0  # of its sigma, where a filter ends
WIDTHS = (120.0, 350.0, 1000.0, 2800.0)  # km/s, sigma of the features looked for at any place (our choice)
LEAST_POWER = 1e-6  # of a filter that is seen whole at a weight of 1: below, it meets no pixel that counts


@dataclass(frozen=True)
class Background:
    """The best group of lines at one redshift behind each of B galaxies.

    Attributes
    ----------
    snr : ndarray[B]
        Root of the sum of the squares of its positive lines' S/N.
    z : ndarray[B]
        Its redshift.
    lines : ndarray[B, M]
        S/N of each line of BACKGROUND there, 0 where it is not seen.
    """

    snr: np.ndarray
    z: np.ndarray
    lines: np.ndarray


def profile(sigma_kms, parts=((1.0, 1.0),)):
    """Return a symmetric filter on native pixels and the place of its first part: Gaussians at wavelengths ``parts``.

    ``parts`` are (wavelength, height); the filter's middle is the first wavelength.
    """
    sigma = np.log10(1 + sigma_kms / C_KMS) / DLOGLAM
    offsets = [(np.log10(wave / parts[0][0]) / DLOGLAM, height) for wave, height in parts]
    reach = int(np.ceil(REACH * sigma + max(abs(offset) for offset, _ in offsets)))
    pixels = np.arange(-reach, reach + 1)
    return sum(height * np.exp(-0.5 * ((pixels - offset) / sigma) ** 2) for offset, height in offsets)


def matched_filter(residual, weight, kernel):
    """Return the S/N [B, L] of ``kernel`` [odd] centred on each pixel of residual[B, L] with inverse variance weight[B, L].

    0 where the kernel meets no good pixel. On pure noise it is a standard normal at every pixel.
    """
    flipped = kernel[::-1].astype("f4")
    signal = convolve1d(residual * weight, flipped, axis=1, mode="constant")
    power = convolve1d(weight, flipped**2, axis=1, mode="constant")
    return np.divide(signal, np.sqrt(np.maximum(power, 1e-20)), out=np.zeros_like(signal), where=power > 1e-12)


def strongest(residual, weight, sigma_kms):
    """Return the highest and the lowest S/N [B, 2] of a Gaussian feature anywhere in residual[B, L]."""
    kernel = profile(sigma_kms).astype("f4")[None]
    signal = oaconvolve(residual * weight, kernel, mode="same", axes=1)
    power = oaconvolve(weight, kernel**2, mode="same", axes=1)
    seen = power > LEAST_POWER * (kernel**2).sum()
    snr = np.divide(signal, np.sqrt(np.maximum(power, 1e-20)), out=np.zeros_like(signal), where=seen)
    return np.stack([snr.max(axis=1), snr.min(axis=1)], axis=1)


def describe_residual(residual, weight, background, loglam):
    """Return what of residual[B, L] is odd, as S/N or excess χ²: [B, 2 · WIDTHS + 2 + M + 1].

    The highest and lowest S/N of a feature of each of WIDTHS; the background lines together, the best narrow line outside the
    galaxy's own, and the M background lines by falling S/N; χ² a pixel less 1, in tenths.
    """
    extremes = [strongest(residual, weight, sigma) for sigma in WIDTHS]
    outside = strongest(residual, np.where(own_lines(loglam), 0, weight).astype("f4"), NARROW)[:, 0]
    falling = np.sort(background.lines, axis=1)[:, ::-1]
    chi2 = (residual**2 * weight).sum(axis=1) / np.maximum((weight > 0).sum(axis=1), 1)
    return np.column_stack([*extremes, background.snr, outside, falling, 10 * (chi2 - 1)])


def own_lines(loglam):
    """Return where a galaxy's own lines stand on rest-frame ``loglam`` [L]: bool[L]."""
    near = np.log10(1 + OWN / C_KMS)
    waves = [wave for parts in LINES.values() for wave, _ in parts]
    return (np.abs(loglam[:, None] - np.log10(waves)) < near).any(axis=1)


def search_background(residual, weight, loglam, z):
    """Return the best Background of residual[B, L] on rest-frame log pixels of galaxies at z[B].

    Every redshift behind the galaxy by at least BEHIND is tried in steps of a native pixel: at (1 + z_source) / (1 + z)
    = 10**(1e-4 k) the lines stand k pixels redward of where the galaxy's own would.
    """
    weight = np.where(own_lines(loglam), 0, weight).astype("f4")
    filtered = [matched_filter(residual, weight, profile(NARROW, parts)) for parts in BACKGROUND.values()]
    places = [round((np.log10(parts[0][0]) - loglam[0]) / DLOGLAM) for parts in BACKGROUND.values()]
    z = np.asarray(z, dtype="f8")
    first = np.ceil(np.log10(1 + BEHIND / (1 + z)) / DLOGLAM).astype(int)
    last = np.floor(np.log10((1 + FURTHEST) / (1 + z)) / DLOGLAM).astype(int)
    steps = np.arange(min(first.min(), 0) if len(z) else 0, (last.max() if len(z) else 0) + 1)
    total = np.zeros((len(z), len(steps)), dtype="f4")
    at = [_shifted(snr, place + steps) for snr, place in zip(filtered, places, strict=True)]
    for snr in at:
        total += np.maximum(snr, 0) ** 2
    total[(steps < first[:, None]) | (steps > last[:, None])] = -1
    best = total.argmax(axis=1)
    rows = np.arange(len(z))
    found = np.sqrt(np.maximum(total[rows, best], 0))
    lines = np.stack([snr[rows, best] for snr in at], axis=1)
    return Background(found, (1 + z) * 10 ** (DLOGLAM * steps[best]) - 1, lines)


def _shifted(values, places):
    """Return values[B, L] at ``places`` [S], 0 beyond the ends: [B, S]."""
    inside = (places >= 0) & (places < values.shape[1])
    return np.where(inside, values[:, np.clip(places, 0, values.shape[1] - 1)], 0)
