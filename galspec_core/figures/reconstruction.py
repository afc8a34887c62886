"""Figure 3: a spectrum with hidden patches, and what the encoder rebuilds of them (paper, section 2.1.2)."""

import numpy as np

from galspec_core.figures.style import COLOURS, new_figure

ZOOM = 260.0  # Angstrom on either side of the middle of what is hidden
SHADES = {"hidden": dict(color="0.90", lw=0, zorder=0), "unseen": dict(color="0.76", lw=0, zorder=0.1)}
MOST_SIGMA = 6.0  # of the residual's axis; what lies beyond is drawn as a triangle on its edge


def brightest(ids, manifest):
    """Return the specobjid of highest S/N among ``ids``."""
    there = manifest[manifest["specobjid"].isin(ids)].sort_values(["snr", "specobjid"], ascending=[False, True])
    return int(there["specobjid"].iloc[0])


def draw_reconstruction(table, encoder, mask_share):
    """Return figure 3: the whole spectrum, a closer look at what is hidden, and the residual there in sigma."""
    figure, (top, middle, bottom) = new_figure(3, 1, size=(7.0, 6.6), height_ratios=[1.2, 1.2, 0.8])
    for axis in (top, middle):
        axis.plot(table["wave"], table["flux"], color="black", lw=0.5, label="spectrum")
        axis.plot(table["wave"], table["reconstruction"], color=COLOURS[1], lw=1.8, label="rebuilt where hidden")
        axis.set_ylabel("flux / median")
    _draw_residual(bottom, table)
    bottom.axhline(0, color="0.4", lw=0.7)
    bottom.set(ylabel="residual (σ)", xlabel="wavelength on the encoder's grid (Å)", ylim=(-MOST_SIGMA, MOST_SIGMA))
    low, high = _window(table)
    middle.set_xlim(low, high)
    bottom.set_xlim(low, high)
    top.set_xlim(table["wave"].min(), table["wave"].max())
    inside = table["wave"].between(low, high)
    for axis, part in ((top, table), (middle, table[inside])):
        bounds = np.percentile(part["flux"], [0.2, 99.8])
        axis.set_ylim(bounds[0] - 0.15 * np.ptp(bounds), bounds[1] + 0.25 * np.ptp(bounds))
    for axis in (top, middle, bottom):
        _shade(axis, table)
    unseen = table["unseen"].sum() / max(table["hidden"].sum(), 1)
    top.set_title(
        f"Encoder “{encoder}”: {mask_share:.0%} of the patches hidden (grey); "
        f"{unseen:.0%} of these pixels in no visible patch (dark)",
        fontsize=9,
    )
    top.legend(loc="upper left", ncols=2, frameon=False)
    return figure


def _sigma(table):
    """Return (spectrum - reconstruction) over its error, NaN where nothing is hidden or the pixel is bad."""
    good = table["ivar"] > 0
    return np.where(good, (table["flux"] - table["reconstruction"]) * np.sqrt(table["ivar"].where(good, 1)), np.nan)


def _draw_residual(axis, table):
    """Draw the residual in sigma; a triangle at the edge stands for a pixel beyond it."""
    sigma = _sigma(table)
    axis.plot(table["wave"], sigma, ".", ms=2, color=COLOURS[0])
    for marker, beyond, edge in (("^", sigma > MOST_SIGMA, 1), ("v", sigma < -MOST_SIGMA, -1)):
        level = np.full(beyond.sum(), 0.95 * edge * MOST_SIGMA)
        axis.plot(table["wave"][beyond], level, marker, ms=3, color=COLOURS[1])


def _window(table):
    """Return the part of the grid with most hidden pixels."""
    wave = table["wave"].to_numpy()
    width = int(np.searchsorted(wave, wave[0] + 2 * ZOOM))
    density = np.convolve(table["hidden"], np.ones(width), mode="valid")
    start = int(density.argmax())
    return wave[start], wave[min(start + width, len(wave) - 1)]


def _shade(axis, table):
    """Shade every run of hidden pixels, darker where no visible patch shows them."""
    wave = table["wave"].to_numpy()
    for column, shade in SHADES.items():
        edges = np.flatnonzero(np.diff(np.concatenate([[0], table[column].astype(int), [0]])))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            axis.axvspan(wave[first], wave[last - 1], **shade)
