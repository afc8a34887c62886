"""A common grid: the pixels on which an encoder sees every spectrum."""

from dataclasses import dataclass

import numpy as np

from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.spectra.spectrum import DLOGLAM, Spectrum

FRAMES = ("observed", "rest")


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

    @property
    def wavelengths(self):
        """Wavelength of each pixel in Angstrom, in the grid's frame: ndarray[pixels]."""
        return SPACINGS[self.spacing](self)


def _linear_wavelengths(grid):
    return np.linspace(grid.wave[0], grid.wave[1], grid.pixels)


def _log_wavelengths(grid):
    return 10 ** (np.round(np.log10(grid.wave[0]), 4) + DLOGLAM * np.arange(grid.pixels))


def bridge_bad_pixels(flux, good):
    """Return flux with bad pixels drawn straight between their nearest good neighbours, level beyond the ends: [L]."""
    at = np.arange(len(flux))
    return np.where(good, flux, np.interp(at, at[good], flux[good]))


def interpolate_linear(wave, flux, var, target):
    """Interpolate between the two nearest native pixels.

    Noise: a pixel midway between two has half their variance and one that falls on a pixel all of it, so the noise
    level ripples along the grid and neighbours are correlated. The returned variance is each pixel's own; the
    correlation is lost. A bad native pixel (infinite variance) makes bad both pixels that lean on it.
    """
    left = np.clip(np.searchsorted(wave, target, side="right") - 1, 0, len(wave) - 2)
    share = (target - wave[left]) / (wave[left + 1] - wave[left])
    share = np.clip(share, 0.0, 1.0)
    return (1 - share) * flux[left] + share * flux[left + 1], _weigh(1 - share, var[left]) + _weigh(
        share, var[left + 1]
    )


def _weigh(share, var):
    """Return share**2 * var, with 0 for a share so small that the pixel does not count (0 * inf is 0 here)."""
    counts = share > 1e-6
    return np.where(counts, share**2 * np.where(counts, var, 0.0), 0.0)


def interpolate_nearest(wave, flux, var, target):
    """Take the nearest native pixel: noise stays independent and true in level, lines move by up to half a pixel."""
    edges = (wave[1:] + wave[:-1]) / 2
    nearest = np.searchsorted(edges, target)
    return flux[nearest], var[nearest]


def average_over_pixels(wave, flux, var, target):
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
FILLS = {
    "edge": lambda flux, inside: np.where(
        inside, flux, np.interp(np.arange(len(flux)), np.flatnonzero(inside), flux[inside])
    ),
    "zero": lambda flux, inside: np.where(inside, flux, 0.0),
    "one": lambda flux, inside: np.where(inside, flux, 1.0),
}


def to_grid(spectrum: Spectrum, good, grid: Grid):
    """Return a normalised spectrum on the grid: flux[L], ivar[L] as float32.

    Bad pixels are bridged and keep ivar 0. Beyond the first and the last good pixel ivar is 0 and flux is filled.

    Raises
    ------
    SpectrumError
        "little coverage" if less than ``grid.min_coverage`` of the grid lies between the first and last good pixel.
    """
    wave = spectrum.wave / (1 + spectrum.z if grid.frame == "rest" else 1)
    target = grid.wavelengths
    ends = wave[np.flatnonzero(good)[[0, -1]]]
    inside = (target >= ends[0]) & (target <= ends[1])
    if inside.mean() < max(grid.min_coverage, 1 / grid.pixels):
        what = f"the good pixels cover {inside.mean():.1%} of the {grid.frame}-frame grid"
        got = f"{ends[0]:.0f}-{ends[1]:.0f} A, z = {spectrum.z:.4f}"
        raise SpectrumError(what, reason="little coverage", expected=f"{grid.min_coverage:.0%}", got=got)
    flux = bridge_bad_pixels(spectrum.flux.astype("f8"), good)
    var = np.where(good, 1 / np.where(good, spectrum.ivar, 1.0).astype("f8"), np.inf)
    flux, var = INTERPOLATIONS[grid.interpolation](wave, flux, var, target)
    ivar = np.where(inside & np.isfinite(var), 1 / np.where(var > 0, var, np.inf), 0.0)
    return FILLS[grid.fill](flux, inside).astype("f4"), ivar.astype("f4")
