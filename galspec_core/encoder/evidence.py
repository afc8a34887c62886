"""What a model cannot explain: residual light, searched for lines of any width and for groups of lines at one redshift.

A lensed background galaxy is a few faint lines on another galaxy's light: no embedding of the whole sees them, and what is
left after the model is taken away does (after Bolton et al. 2004, AJ 127, 1860). Every number here is a matched-filter S/N,
so that a constant threshold means the same in every spectrum. ``describe_residual`` puts those that tell an odd spectrum into a
vector, which stands beside the embedding.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

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
LEAST_POWER = 1e-5  # of the highest in a spectrum: below, a filter meets no pixel that counts and float32 none it knows


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
    narrow : ndarray[B]
        S/N of the best single narrow line anywhere outside the galaxy's own.
    """

    snr: np.ndarray
    z: np.ndarray
    lines: np.ndarray
    narrow: np.ndarray


def profile(sigma_kms, parts=((1.0, 1.0),)):
    """Return a symmetric filter on native pixels and the place of its first part: Gaussians at wavelengths ``parts``.

    ``parts`` are (wavelength, height); the filter's middle is the first wavelength.
    """
    sigma = np.log10(1 + sigma_kms / C_KMS) / DLOGLAM
    offsets = [(np.log10(wave / parts[0][0]) / DLOGLAM, height) for wave, height in parts]
    reach = int(np.ceil(REACH * sigma + max(abs(offset) for offset, _ in offsets)))
    pixels = np.arange(-reach, reach + 1)
    return sum(height * np.exp(-0.5 * ((pixels - offset) / sigma) ** 2) for offset, height in offsets)


def matched_filters(residual, weight, kernels):
    """Yield the S/N [B, L] of each of ``kernels`` [odd], centred on each pixel of residual[B, L] with inverse variance weight[B, L].

    0 where the kernel meets no good pixel. On pure noise it is a standard normal at every pixel. All kernels share the
    Fourier transforms of the data.
    """
    pixels, reach = weight.shape[1], max(len(kernel) // 2 for kernel in kernels)
    size = next_fast_len(pixels + reach, real=True)
    data = [rfft(values, size) for values in (residual * weight, weight)]
    for kernel in kernels:
        filters = [np.conj(rfft(_around_zero(shape, size))) for shape in (kernel, kernel**2)]
        signal, power = (irfft(values * shape, size)[:, :pixels] for values, shape in zip(data, filters, strict=True))
        seen = power > LEAST_POWER * power.max(axis=1, keepdims=True, initial=0)
        snr = np.zeros_like(signal)
        np.sqrt(power, out=power, where=seen)
        yield np.divide(signal, power, out=snr, where=seen)


def _around_zero(kernel, size):
    """Return a kernel [odd] in float32 with its middle at 0 of a circle of ``size`` pixels."""
    circle = np.zeros(size, dtype="f4")
    circle[: len(kernel)] = kernel
    return np.roll(circle, -(len(kernel) // 2))


def matched_filter(residual, weight, kernel):
    """Return the S/N [B, L] of one kernel, as ``matched_filters`` does of several."""
    return next(matched_filters(residual, weight, [kernel]))


def extremes(snr):
    """Return the highest and the lowest of snr[B, L]: [B, 2]."""
    return np.stack([snr.max(axis=1), snr.min(axis=1)], axis=1)


def describe_residual(residual, weight, background):
    """Return what of residual[B, L] is odd, as S/N or excess χ²: [B, 2 · WIDTHS + 2 + M + 1].

    The highest and lowest S/N of a feature of each of WIDTHS; the background lines together, the best narrow line outside the
    galaxy's own, and the M background lines by falling S/N; χ² a pixel less 1, in tenths.
    """
    features = [extremes(snr) for snr in matched_filters(residual, weight, [profile(width) for width in WIDTHS])]
    falling = np.sort(background.lines, axis=1)[:, ::-1]
    chi2 = (residual**2 * weight).sum(axis=1) / np.maximum((weight > 0).sum(axis=1), 1)
    return np.column_stack([*features, background.snr, background.narrow, falling, 10 * (chi2 - 1)])


def own_lines(loglam):
    """Return where a galaxy's own lines stand on rest-frame ``loglam`` [L]: bool[L]."""
    near = np.log10(1 + OWN / C_KMS)
    waves = [wave for parts in LINES.values() for wave, _ in parts]
    return (np.abs(loglam[:, None] - np.log10(waves)) < near).any(axis=1)


def filter_background(residual, weight, loglam):
    """Return the S/N [B, L] of each line of BACKGROUND at each pixel of residual[B, L], the galaxy's own lines left out."""
    weight = np.where(own_lines(loglam), 0, weight).astype("f4", copy=False)
    doublets = [name for name, parts in BACKGROUND.items() if len(parts) > 1]  # all other lines have the same filter
    kernels = [profile(NARROW), *(profile(NARROW, BACKGROUND[name]) for name in doublets)]
    single, *others = matched_filters(residual, weight, kernels)
    found = dict(zip(doublets, others, strict=True))
    return [found.get(name, single) for name in BACKGROUND]


def search_background(residual, weight, loglam, z):
    """Return the best Background of residual[B, L] on rest-frame log pixels of galaxies at z[B].

    Every redshift behind the galaxy by at least BEHIND is tried in steps of a native pixel: at (1 + z_source) / (1 + z)
    = 10**(1e-4 k) the lines stand k pixels redward of where the galaxy's own would.
    """
    filtered = filter_background(residual, weight, loglam)
    z = np.asarray(z, dtype="f8")
    first = np.ceil(np.log10(1 + BEHIND / (1 + z)) / DLOGLAM).astype(int)
    last = np.floor(np.log10((1 + FURTHEST) / (1 + z)) / DLOGLAM).astype(int)
    start, stop = min(first.min(initial=0), 0), last.max(initial=0) + 1
    total = np.zeros((len(z), stop - start), dtype="f4")
    places = [round((np.log10(parts[0][0]) - loglam[0]) / DLOGLAM) for parts in BACKGROUND.values()]
    for snr, place in zip(filtered, places, strict=True):
        low, high = max(place + start, 0), min(place + stop, snr.shape[1])
        seen = np.maximum(snr[:, low:high], 0)
        total[:, low - place - start : high - place - start] += np.square(seen, out=seen)
    steps = np.arange(start, stop)
    total[(steps < first[:, None]) | (steps > last[:, None])] = -1
    best = steps[total.argmax(axis=1)]
    lines = np.stack([_at(snr, place + best) for snr, place in zip(filtered, places, strict=True)], axis=1)
    found = np.sqrt((np.maximum(lines, 0) ** 2).sum(axis=1))
    single = filtered[list(BACKGROUND).index("Hα")].max(axis=1, initial=-np.inf)
    return Background(found, (1 + z) * 10 ** (DLOGLAM * best) - 1, lines, single)


def _at(values, places):
    """Return values[B, L] at one place [B] each, 0 beyond the ends: [B]."""
    inside = (places >= 0) & (places < values.shape[1])
    return np.where(inside, values[np.arange(len(values)), np.clip(places, 0, values.shape[1] - 1)], 0)
