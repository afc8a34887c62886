"""Evidence for a background galaxy in one spectrum, in sight: light and model, what is left, and S/N against redshift."""

import numpy as np
import pandas as pd

from galspec_core.encoder.evidence import BACKGROUND
from galspec_core.encoder.lines import LINES
from galspec_core.figures.style import COLOURS, new_figure

GALAXY, MODEL, SOURCE, OWN = "0.55", COLOURS[1], COLOURS[0], COLOURS[3]
ZOOM = 60.0  # Angstrom, observed, on either side of a line
BESIDE = {"Hβ": "right", "[O III] 5007": "left"}  # too near to each other for names centred on them
SMOOTH = 5  # pixels of the running mean of the flux in the first panel


def evidence_curves(found):
    """Return what the figure plots of an Evidence as one table: panel, series, x, y."""
    pixels, trials = found.pixels, found.trials
    parts = [("spectrum", name, pixels["wave"], pixels[name]) for name in ("flux", "model")]
    parts += [("residual", name, pixels["wave"], pixels[name]) for name in ("residual", "snr")]
    parts += [("redshift", name, trials["z_source"], trials[name]) for name in trials.columns[1:]]
    frames = [pd.DataFrame({"panel": panel, "series": series, "x": x, "y": y}) for panel, series, x, y in parts]
    marks = pd.DataFrame({"panel": "redshift", "series": ["z_best", "z_true"], "x": [found.z_best, found.z_true]})
    return pd.concat([*frames, marks.assign(y=np.nan)], ignore_index=True)


def draw_evidence(found):
    """Return the figure of an Evidence."""
    figure, axes = new_figure(4, len(BACKGROUND), size=(7.4, 8.6), height_ratios=[1.2, 1, 0.85, 1])
    wide = [_whole_row(axes, row) for row in (0, 1, 3)]
    z_source = found.z_true if np.isfinite(found.z_true) else found.z_best
    _draw_spectrum(wide[0], found, z_source)
    _draw_residual(wide[1], found, z_source)
    for axis, name in zip(axes[2], BACKGROUND, strict=True):
        _draw_zoom(axis, found, name, z_source)
    axes[2, 0].set_ylabel("residual / error")
    _draw_redshifts(wide[2], found)
    wide[0].set_title(f"Spectrum {found.specobjid}: z = {found.z:.4f}, source at {z_source:.4f}", fontsize=9, pad=22)
    return figure


def _whole_row(axes, row):
    """Return the first axis of a row, stretched across it; the others go."""
    first, *others = axes[row]
    first.set_subplotspec(first.get_gridspec()[row, :])
    for axis in others:
        axis.remove()
    return first


def _draw_spectrum(axis, found, z_source):
    pixels = found.pixels
    smooth = pixels["flux"].rolling(SMOOTH, center=True, min_periods=1).mean()
    axis.plot(pixels["wave"], smooth, color=GALAXY, lw=0.6, label=f"observed, mean of {SMOOTH} pixels")
    axis.plot(pixels["wave"], pixels["model"], color=MODEL, lw=0.8, label="model of the galaxy")
    low, high = np.nanpercentile(smooth, [0.5, 99.7])
    axis.set_ylim(min(low, 0), high + 0.25 * (high - low))
    axis.set_ylabel("flux / continuum")
    axis.legend(fontsize=7, loc="upper left", ncols=2)
    _mark(axis, found, z_source, named=True)


def _draw_residual(axis, found, z_source):
    pixels = found.pixels
    axis.plot(pixels["wave"], pixels["residual"], color="0.75", lw=0.4, label="residual / error")
    axis.plot(pixels["wave"], pixels["snr"], color="black", lw=0.7, label="S/N of a background line")
    axis.set_ylim(-6, max(8.0, 1.25 * np.nanmax(pixels["snr"])))
    axis.set(xlabel="observed wavelength (Å)", ylabel="S/N")
    axis.legend(fontsize=7, loc="upper left", ncols=2)
    _mark(axis, found, z_source)


def _mark(axis, found, z_source, named=False):
    """Mark the source's lines (names above) and the galaxy's own (short ticks below)."""
    low, high = found.pixels["wave"].iloc[[0, -1]]
    axis.set_xlim(low, high)
    across = axis.get_xaxis_transform()
    for parts in LINES.values():
        for wave, _ in parts:
            axis.plot([wave * (1 + found.z)] * 2, [0, 0.07], color=OWN, lw=1.0, transform=across, clip_on=True)
    for name, parts in BACKGROUND.items():
        x = parts[0][0] * (1 + z_source)
        if low < x < high:
            axis.axvline(x, color=SOURCE, lw=0.8, ls="--", zorder=0)
            style = dict(fontsize=7, color=SOURCE, ha=BESIDE.get(name, "center"), va="bottom", transform=across)
            axis.text(x, 1.01, name if named else "", **style)
    if named:
        axis.text(0.995, 0.09, "own lines", fontsize=7, color=OWN, ha="right", transform=axis.transAxes)


def _draw_zoom(axis, found, name, z_source):
    """Draw what is left near one background line, with its S/N there."""
    centre = BACKGROUND[name][0][0] * (1 + z_source)
    part = found.pixels[(found.pixels["wave"] - centre).abs() < ZOOM]
    axis.tick_params(labelsize=7)
    nearest = (found.trials["z_source"] - z_source).abs().idxmin()
    snr = f": {found.trials.loc[nearest, name]:.1f} σ" if len(part) else ""
    axis.set_title(f"{name}{snr}", fontsize=8, color=SOURCE)
    if not len(part):
        axis.text(0.5, 0.5, "not covered", fontsize=8, ha="center", transform=axis.transAxes)
        axis.set(xticks=[], yticks=[])
        return
    axis.step(part["wave"], part["residual"], where="mid", color="0.5", lw=0.6)
    axis.plot(part["wave"], part["snr"], color="black", lw=0.9)
    axis.axhline(0, color="0.8", lw=0.5, zorder=0)
    axis.axvline(centre, color=SOURCE, lw=0.8, ls="--", zorder=0)
    axis.locator_params(axis="x", nbins=3)


def _draw_redshifts(axis, found):
    trials = found.trials
    axis.plot(trials["z_source"], trials["snr"], color="black", lw=0.6)
    if np.isfinite(found.z_true):
        axis.axvline(found.z_true, color=SOURCE, lw=0.9, ls="--", zorder=0, label=f"true, {found.z_true:.4f}")
    top = trials["snr"].max()
    axis.plot(
        found.z_best, top, marker="v", color=MODEL, ms=6, ls="none", label=f"best, {found.z_best:.4f}: {top:.1f} σ"
    )
    axis.set(xlabel="trial redshift of the source", ylabel="joint S/N", ylim=(0, 1.15 * top))
    axis.legend(fontsize=7, loc="upper right")
