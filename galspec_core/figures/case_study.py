"""One spectrum and the neighbours that label it, in sight: figure B1 (paper, appendix B.2)."""

import numpy as np
import pandas as pd

from galspec_core.catalogs.bpt import kauffmann2003, kewley2001, paper_b1, schawinski2007
from galspec_core.figures.neighbours import LABEL_BOX
from galspec_core.figures.style import COLOURS, mark_lines, new_figure
from galspec_core.search.case import RATIOS

SHOWN = 3  # neighbours in the figure
PANELS = {  # Angstrom, rest frame
    "spectrum": (3700.0, 7000.0),
    "Hβ and [O III]": (4800.0, 5060.0),
    "[O I]": (6200.0, 6420.0),
    "Hα, [N II] and [S II]": (6500.0, 6780.0),
}
SMOOTH = {"spectrum": 7}  # pixels of the running mean; none in the other panels
CURVES = {
    "Kauffmann+ 2003": (kauffmann2003, dict(ls="--", color="0.35")),
    "Kewley+ 2001": (kewley2001, dict(ls="-", color="0.35")),
    "Schawinski+ 2007": (schawinski2007, dict(ls="-.", color=COLOURS[0])),
    "eq. B1 of the paper": (paper_b1, dict(ls=":", color=COLOURS[1], lw=1.6)),
}
BPT_RANGE = (-1.5, 0.8), (-1.3, 1.5)  # log [N II]/Ha, log [O III]/Hb
AGN_FROM = -0.45  # log [N II]/Ha from where the Seyfert/LINER lines are drawn
MARKED = ("Hβ", "[O III]", "[O I]", "Hα", "[N II]", "[S II]")
BESIDE = {"Hα": "right", "[N II]": "left"}  # too near to each other for names centred on them
LABELLED = (5050.0, 6260.0)  # Angstrom: between the marked lines, where each spectrum's label stands
MARKERS, INKS = "*osD", ("#000000", COLOURS[0], COLOURS[1], COLOURS[2])


def case_curves(table, spectra, grid):
    """Return what figure B1 plots: panel, series, x, y.

    Series of the spectra's panels are ranks: rest wavelength in Angstrom and flux, a neighbour's lowered by its rank
    times a panel's step, nothing where a pixel is bad. Those of the panel ``BPT`` are the ranks' points and the curves.

    Parameters
    ----------
    table : DataFrame
        From ``search.case.case_table``.
    spectra : dict
        {specobjid: (flux[L], ivar[L])}, see search.failures.read_spectra.
    grid : Grid
        Theirs, in the rest frame.
    """
    shown = table[table["rank"] <= SHOWN]
    stack = np.stack([_without_bad(*spectra[int(i)]) for i in shown["specobjid"]])
    parts = [_panel_curves(panel, stack, grid.wavelengths) for panel in PANELS]
    points = pd.DataFrame({"panel": "BPT", "series": shown["rank"].astype(str)})
    parts.append(points.assign(x=shown["log_nii_ha"], y=shown["log_oiii_hb"]).dropna())
    return pd.concat([*parts, *(_bpt_curve(name) for name in CURVES)], ignore_index=True)


def _without_bad(flux, ivar):
    return np.where(np.asarray(ivar) > 0, flux, np.nan)


def _panel_curves(panel, stack, wave):
    """Return the curves of spectra ``stack`` [R, L] in one panel, each lowered by its rank times a step."""
    low, high = PANELS[panel]
    inside = (wave > low) & (wave < high)
    flux = _running_mean(stack, SMOOTH.get(panel, 1))[:, inside]
    step = max(1.2 * max(_height(row, 2) for row in flux), 0.18 * _height(flux, 0), 0.1)
    series = np.repeat(np.arange(len(stack)), inside.sum())
    y = (flux - step * np.arange(len(stack))[:, None]).ravel()
    return pd.DataFrame({"panel": panel, "series": series.astype(str), "x": np.tile(wave[inside], len(stack)), "y": y})


def _height(flux, trim):
    """Return the height of good pixels without the highest and lowest ``trim`` percent, 0 where there are none."""
    good = flux[np.isfinite(flux)]
    return np.ptp(np.percentile(good, [trim, 100 - trim])) if len(good) else 0.0


def _running_mean(stack, pixels):
    """Return the running mean of spectra [R, L] over their good pixels; bad ones stay NaN."""
    if pixels == 1:
        return stack
    good, kernel = np.isfinite(stack), np.ones(pixels)
    total, n = (np.array([np.convolve(row, kernel, "same") for row in rows]) for rows in (np.nan_to_num(stack), good))
    return np.where(good, total / np.maximum(n, 1), np.nan)


def _bpt_curve(name):
    (low, high), (bottom, top) = BPT_RANGE
    x = np.linspace(low if name.startswith("K") else AGN_FROM, high, 240)
    y = CURVES[name][0](x)
    keep = (y >= bottom) & (y <= top)
    return pd.DataFrame({"panel": "BPT", "series": name, "x": x[keep], "y": y[keep]})


def draw_case(table, curves, method):
    """Return figure B1 of ``case_table`` and ``case_curves``: spectra above, their lines closer, BPT diagram below."""
    query, shown = table.iloc[0], table[table["rank"] <= SHOWN]
    figure, axes = new_figure(3, 3, size=(7.0, 8.4), height_ratios=[1.3, 1, 1.4])
    for axis in (*axes[0, 1:], axes[2, 1]):
        axis.remove()
    spectrum, bpt, key = axes[0, 0], axes[2, 0], axes[2, 2]
    spectrum.set_subplotspec(spectrum.get_gridspec()[0, :])
    bpt.set_subplotspec(bpt.get_gridspec()[2, :2])
    for axis, panel in zip([spectrum, *axes[1]], PANELS, strict=True):
        _draw_panel(axis, curves[curves["panel"] == panel], panel)
    _label_spectra(spectrum, curves[curves["panel"] == "spectrum"], shown)
    for axis in (spectrum, axes[1, 0]):
        axis.set_ylabel("flux / median, offset")
    verdict = f"{query['class']}, voted {query['predicted']} ({query['winning_share']:.1%})"
    spectrum.set_title(f"Spectrum {query['specobjid']}: {verdict}, method “{method}”", fontsize=9, pad=14)
    _draw_bpt(bpt, curves[curves["panel"] == "BPT"])
    _draw_key(key, bpt, shown)
    return figure


def _draw_panel(axis, curves, panel):
    for rank, curve in curves.groupby("series"):
        axis.plot(curve["x"], curve["y"], color=INKS[int(rank)], lw=0.7)
    named = set(MARKED) - ({"[N II]"} if panel == "spectrum" else set())
    mark_lines(axis, *PANELS[panel], named)
    mark_lines(axis, *PANELS[panel], set(MARKED) - named, labels=False)
    for text in axis.texts:
        text.set(fontsize=7, color="0.25", ha=BESIDE.get(text.get_text(), "center"))
    axis.set(xlim=PANELS[panel])
    axis.set_xlabel("rest wavelength (Å)", fontsize=8)
    axis.tick_params(labelsize=7)


def _label_spectra(axis, curves, shown):
    """Write above each spectrum its rank, class, redshift, and what it weighed."""
    low, high = LABELLED
    for row in shown.rename(columns={"class": "word"}).itertuples():
        curve = curves[(curves["series"] == str(row.rank)) & curves["x"].between(low, high)]
        weighed = f", distance {row.distance:.3g}, weight {row.weight:.3f}" if row.rank else ""
        text = f"{row.rank or 'query'}: {row.word}, z {row.z:.4f}{weighed}"
        level = curve["y"].quantile(0.99)
        style = dict(fontsize=6.5, color=INKS[row.rank], ha="center", va="bottom", bbox=LABEL_BOX)
        axis.annotate(text, ((low + high) / 2, level), (0, 3), textcoords="offset points", **style)


def _draw_bpt(axis, curves):
    for name, (_, style) in CURVES.items():
        curve = curves[curves["series"] == name]
        axis.plot(curve["x"], curve["y"], label=name, **(dict(lw=1.1) | style))
    for point in curves[curves["series"].isin(list("0123"))].itertuples():
        rank = int(point.series)
        label = "query" if rank == 0 else f"neighbour {rank}"
        style = dict(marker=MARKERS[rank], ms=11 if rank == 0 else 6, mec="white", mew=0.6, ls="none")
        axis.plot(point.x, point.y, color=INKS[rank], label=label, zorder=5 - rank, **style)
    axis.set(xlabel="log [N II] 6583 / Hα", ylabel="log [O III] 5007 / Hβ")
    axis.tick_params(labelsize=7)


def _draw_key(axis, bpt, shown):
    """Draw the diagram's legend on an empty axis, and name who is not in the diagram."""
    axis.axis("off")
    handles, names = bpt.get_legend_handles_labels()
    axis.legend(handles, names, loc="upper left", fontsize=8, frameon=False, borderaxespad=0)
    absent = shown.loc[shown[RATIOS].isna().any(axis=1), "rank"]
    if len(absent):
        ranks = "\n".join("query" if rank == 0 else f"neighbour {rank}" for rank in absent)
        axis.text(0, 0, f"lines not measured:\n{ranks}", fontsize=8, va="bottom", transform=axis.transAxes)
