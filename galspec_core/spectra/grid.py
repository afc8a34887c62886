"""A common grid: the pixels on which an encoder sees every spectrum."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.spectra.spectrum import DLOGLAM, OPTICAL, Spectrum, comb_wavelengths

FRAMES = ("observed", "rest")
TINY = 1e-6  # share from which on a native pixel counts
HUGE = 1e250  # variance of a bad pixel: even TINY**2 of it is an ivar of 0 in float32


@dataclass(frozen=True)
class Grid:
    """An encoder's pixels, an entry of ``spectra.grids``.

    Attributes
    ----------
    frame : str
        "observed", or "rest": wavelengths divided by 1 + z.
    spacing : str
        "linear": ``pixels`` equal steps from ``wave[0]`` to ``wave[1]``; "log": native 1e-4 dex steps from ``wave[0]``.
    wave : (float, float)
        First and last wavelength in Angstrom.
    pixels : int
        Number of pixels L.
    interpolation : str
        A key of INTERPOLATIONS.
    fill : str
        A key of FILLS: flux outside the spectrum's coverage, where ivar is 0.
    min_coverage : float
        Share of the pixels that the spectrum must cover.
    """

    frame: str
    spacing: str
    wave: tuple
    pixels: int
    interpolation: str = "linear"
    fill: str = "edge"
    min_coverage: float = 0.5

    def __post_init__(self):
        for key, known in (
            ("frame", FRAMES),
            ("spacing", SPACINGS),
            ("interpolation", INTERPOLATIONS),
            ("fill", FILLS),
        ):
            if getattr(self, key) not in known:
                raise ConfigError(
                    "unknown value",
                    item=f"spectra.grids: {key}",
                    expected=f"one of {', '.join(known)}",
                    got=getattr(self, key),
                )
        low, high = self.wave
        if not 0 < low < high or self.pixels < 2:
            raise ConfigError(
                "the grid is empty",
                item="spectra.grids",
                expected="0 < wave[0] < wave[1], pixels >= 2",
                got=f"{self.wave}, {self.pixels}",
            )
        if self.spacing == "log" and abs(np.log10(high / low) / DLOGLAM + 1 - self.pixels) > 1:
            pixels = int(np.log10(high / low) / DLOGLAM) + 1
            raise ConfigError(
                "a log grid has steps of 1e-4 dex", item="spectra.grids: pixels", expected=pixels, got=self.pixels
            )

    @cached_property
    def wavelengths(self):
        """Wavelength of each pixel in Angstrom, in the grid's frame: ndarray[pixels]. It is read-only."""
        wave = SPACINGS[self.spacing](self)
        wave.flags.writeable = False
        return wave

    @cached_property
    def loglam(self):
        """log10 of ``wavelengths``: ndarray[pixels]."""
        return np.log10(self.wavelengths)

    @cached_property
    def on_comb(self):
        """Between which pixels of ``comb_wavelengths`` each of ``wavelengths`` stands, as ``find_neighbours`` says."""
        return find_neighbours(comb_wavelengths(), self.wavelengths, _guess(self.loglam, OPTICAL[0]))


def _linear_wavelengths(grid):
    return np.linspace(grid.wave[0], grid.wave[1], grid.pixels)


def _log_wavelengths(grid):
    return 10 ** (DLOGLAM * (round(np.log10(grid.wave[0]) / DLOGLAM) + np.arange(grid.pixels)))


def bridge_bad_pixels(flux, good):
    """Return flux with bad pixels drawn straight between their nearest good neighbours, level beyond the ends: float64[L]."""
    beside = good.copy()  # good pixels with a bad neighbour, and both ends: nothing else is looked at
    beside[1:-1] &= ~(good[:-2] & good[2:])
    bad, known = np.flatnonzero(~good), np.flatnonzero(beside)
    flux = np.array(flux, dtype="f8")
    flux[bad] = np.interp(bad, known, flux[known])
    return flux


def find_neighbours(wave, target, guess):
    """Return the native pixel below each target wavelength, at most the last but one, and the share of the next: in 0 to 1.

    ``guess``, int of the shape of ``target``, makes it quick where it is right: what it missed is searched for.
    """
    left = np.minimum(np.maximum(guess, 0), len(wave) - 2)
    share = _share(wave, target, left)
    if not (share.min() >= 0 and share.max() < 1):
        missed = np.flatnonzero((share < 0) | (share >= 1))
        found = wave.searchsorted(target[missed], side="right") - 1
        left[missed] = np.minimum(np.maximum(found, 0), len(wave) - 2)
        share[missed] = np.clip(_share(wave, target[missed], left[missed]), 0.0, 1.0)
    return left, share


def _share(wave, target, left):
    below = wave.take(left)
    return (target - below) / (wave.take(left + 1) - below)


def interpolate_linear(wave, flux, var, target, left, share):
    """Interpolate between the two nearest native pixels.

    Noise: a pixel midway between two has half their variance and one that falls on a pixel all of it, so the noise
    level ripples along the grid and neighbours are correlated. The returned variance is each pixel's own; the
    correlation is lost. A bad native pixel (infinite variance) makes bad both pixels that lean on it.
    """
    alone = (share < TINY) | (share > 1 - TINY)
    if alone.any():
        share = np.where(alone, np.round(share), share)
    right, rest = left + 1, 1 - share
    var = np.minimum(var, HUGE)  # 0 times that is 0, where 0 * inf is NaN
    return rest * flux.take(left) + share * flux.take(right), rest**2 * var.take(left) + share**2 * var.take(right)


def interpolate_nearest(wave, flux, var, target, left, share):
    """Take the nearest native pixel: noise stays independent and true in level, lines move by up to half a pixel."""
    nearest = left + (target > (wave.take(left) + wave.take(left + 1)) / 2)
    return flux.take(nearest), var.take(nearest)


def average_over_pixels(wave, flux, var, target, left, share):
    """Average the native pixels that a target pixel covers, by their overlap: the flux integral is conserved.

    Noise: falls as a wide target pixel averages several native ones; narrow target pixels repeat one, correlated. A
    bad native pixel makes every target pixel bad that it touches.
    """
    edges, bins = pixel_edges(wave), pixel_edges(target)
    bins = np.clip(bins, edges[0], edges[-1])
    position = np.interp(bins, edges, np.arange(len(edges)))  # in native pixels, fractional
    width = np.diff(edges)
    total = np.maximum(np.diff(bins), 1e-12)
    return _integral(flux * width, position) / total, _integral_of_squares(var * width**2, position) / total**2


def pixel_edges(wave):
    """Return the edges of pixels centred on ``wave``: ndarray[L + 1]."""
    middle = (wave[1:] + wave[:-1]) / 2
    return np.concatenate([[2 * wave[0] - middle[0]], middle, [2 * wave[-1] - middle[-1]]])


def _integral(per_pixel, position):
    """Return the sum of ``per_pixel`` between consecutive fractional positions."""
    return np.diff(np.interp(position, np.arange(len(per_pixel) + 1), np.concatenate([[0.0], np.cumsum(per_pixel)])))


def _integral_of_squares(per_pixel, position):
    """Return the sum of share**2 * per_pixel between consecutive fractional positions; inf wherever an inf is touched."""
    bad = ~np.isfinite(per_pixel)
    finite = np.where(bad, 0.0, per_pixel)
    low, high = position[:-1], position[1:]
    first = np.minimum(low.astype(int), len(finite) - 1)
    last = np.minimum(np.maximum(np.ceil(high).astype(int) - 1, first), len(finite) - 1)
    running = np.concatenate([[0.0], np.cumsum(finite)])
    inner = running[last] - running[np.minimum(first + 1, last)]
    share_first = np.minimum(high, first + 1) - low
    share_last = np.where(last > first, high - last, 0.0)
    touched = np.concatenate([[0], np.cumsum(bad)])
    total = share_first**2 * finite[first] + inner + share_last**2 * finite[last]
    return np.where(touched[last + 1] > touched[first], np.inf, total)


SPACINGS = {"linear": _linear_wavelengths, "log": _log_wavelengths}
INTERPOLATIONS = {"linear": interpolate_linear, "nearest": interpolate_nearest, "average": average_over_pixels}
FILLS = {  # flux before and behind what a spectrum covers, from its first and last flux there
    "edge": lambda first, last: (first, last),
    "zero": lambda first, last: (0.0, 0.0),
    "one": lambda first, last: (1.0, 1.0),
}


def to_grid(spectrum: Spectrum, good, grid: Grid):
    """Return a normalised spectrum on the grid: flux[L], ivar[L] as float32.

    Bad pixels are bridged and keep ivar 0. Beyond the first and the last good pixel ivar is 0 and flux is filled.

    Raises
    ------
    SpectrumError
        "little coverage" if less than ``grid.min_coverage`` of the grid lies between the first and last good pixel.
    """
    stretch = 1 + spectrum.z if grid.frame == "rest" else 1
    wave, target = spectrum.wave if stretch == 1 else spectrum.wave / stretch, grid.wavelengths
    ends = wave[good.argmax()], wave[len(good) - 1 - good[::-1].argmax()]
    first, behind = target.searchsorted(ends[0]), target.searchsorted(ends[1], side="right")
    coverage = (behind - first) / grid.pixels
    if coverage < max(grid.min_coverage, 1 / grid.pixels):
        what = f"the good pixels cover {coverage:.1%} of the {grid.frame}-frame grid"
        got = f"{ends[0]:.0f}-{ends[1]:.0f} A, z = {spectrum.z:.4f}"
        raise SpectrumError(what, reason="little coverage", expected=f"{grid.min_coverage:.0%}", got=got)
    part = slice(max(first - 1, 0), behind + 1)  # the pixels beyond tell how wide the outermost are
    left, share = _neighbours(spectrum, wave, grid, stretch, part)
    flux, ivar = np.zeros((2, grid.pixels), "f4")
    pixels = bridge_bad_pixels(spectrum.flux, good), _variance(spectrum.ivar, good)
    flux[part], var = INTERPOLATIONS[grid.interpolation](wave, *pixels, target[part], left, share)
    with np.errstate(divide="ignore"):  # pixels beyond may have a width of 0
        np.divide(1, var, out=ivar[part], casting="same_kind")
    ivar[:first] = ivar[behind:] = 0
    flux[:first], flux[behind:] = FILLS[grid.fill](flux[first], flux[behind - 1])
    return flux, ivar


def _neighbours(spectrum, wave, grid, stretch, part):
    """Return ``find_neighbours`` of a ``part`` of the grid: looked up where the spectrum is not shifted."""
    if stretch == 1 and spectrum.first_pixel is not None:
        left, share, last = grid.on_comb[0][part] - spectrum.first_pixel, grid.on_comb[1][part].copy(), len(wave) - 2
        before, behind = left.searchsorted(0), left.searchsorted(last, side="right")
        left[:before], share[:before] = 0, 0
        left[behind:], share[behind:] = last, 1
        return left, share
    return find_neighbours(
        wave, grid.wavelengths[part], _guess(grid.loglam[part], spectrum.loglam0 - np.log10(stretch))
    )


def _guess(loglam, first):
    """Return the native pixel below each of ``loglam``, or one beside it, where the first one stands at ``first``."""
    return ((loglam - first) / DLOGLAM).astype(np.intp)


def _variance(ivar, good):
    """Return 1 / ivar[L] as float64, infinite where a pixel is bad."""
    var = np.full(len(ivar), np.inf)
    return np.divide(1, ivar, out=var, where=good, dtype="f8")
