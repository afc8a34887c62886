"""A page about one answer: the spectrum over its neighbours, what they leave, the votes, the BPT diagram. One file, no network."""

import re

import numpy as np

from galspec_core.catalogs.bpt import kauffmann2003, kewley2001, schawinski2007
from galspec_core.figures.links import ARCHIVES, SIMULATED
from galspec_core.figures.marked_lines import LINES
from galspec_core.figures.markup import page, style, tag
from galspec_core.figures.overlay import make_curves, value_limits
from galspec_core.figures.svg import Axes
from galspec_core.files import replace
from galspec_core.spectra.names import spectrum_name

LEAST = 0.0005  # share of a class that is listed
SHOWN = 3  # neighbours that are drawn at first
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#8B6CC4")  # after Okabe & Ito 2008
BESIDE = 38  # pixels of a label: where a line is nearer to the last one, its label stands a row higher
CURVES = (
    ("Kauffmann 2003", kauffmann2003, "5 3"),
    ("Kewley 2001", kewley2001, None),
    ("Schawinski 2007", schawinski2007, "1 3"),
)
BPT = dict(x=(-2.0, 1.0), y=(-1.5, 1.5))
SIZE = dict(width=1040, left=64, top=36, across=960, overlay=300, residual=120, below=44, between=20)
RULES = """
:root { color-scheme: light dark; --ink: #1b1b1b; --quiet: #5c5c5c; --rule: #d5d5d5; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --quiet: #a8a8a8; --rule: #444; --paper: #16181b; } }
body { margin: 1.5rem auto; max-width: 1040px; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; }
body { color: var(--ink); background: var(--paper); }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
.verdict { font-size: 1.15rem; margin: .2rem 0; } .quiet { color: var(--quiet); } a { color: inherit; }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--quiet); }
.axis { stroke: var(--quiet); } .own { stroke: var(--ink); } .ruled { stroke: var(--rule); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
tr.voted td:first-child { font-weight: 700; } .share { display: inline-block; height: .8em; background: #0072B2; min-width: 1px; }
.two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 2rem; }
@media (max-width: 760px) { .two { grid-template-columns: minmax(0, 1fr); } }
input { position: absolute; opacity: 0; } input:focus-visible + label { outline: 2px solid var(--quiet); } .near { display: none; }
.pick { display: inline-block; margin: .1rem .9rem .1rem 0; white-space: nowrap; cursor: pointer; }
.pick::before { content: "☐ "; } :checked + .pick::before { content: "☑ "; }
"""


def write_page(path, answer, spectra, run="", archive="sdss"):
    """Write the page of an Answer, whole or not at all.

    ``spectra`` are those of its neighbours (see ``draw_overlay``), which ``archive``, a name of ARCHIVES, has a page on.
    """
    text = page(f"{answer.name}: {answer.predicted}", RULES + _switches(answer), *_body(answer, spectra, run, archive))
    with replace(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # names may be bytes that are no text


def page_name(name):
    """Return the file name of a page: letters, digits, ``_ . + -`` of the spectrum's own name, nothing that leads elsewhere."""
    stem = re.sub(r"\.(fits|fit|csv|ecsv|txt|dat)$", "", name, flags=re.IGNORECASE)
    return f"galspec-search-{re.sub(r'[^A-Za-z0-9_.+-]+', '_', stem).strip('.')[:120] or 'spectrum'}.html"


def _body(answer, spectra, run, archive):
    yield tag("h1", answer.name)
    yield tag("p", answer.verdict, class_="verdict")
    if answer.said_behind:
        yield tag("p", answer.said_behind)
    own = "; entries of its own position on the sky left out" if answer.left_out else ""
    where = f"z = {answer.z:.5f}; vote of {answer.method} on {answer.task}, knowledge base of the run {run}{own}"
    yield tag("p", where, class_="quiet")
    yield tag("h2", "Spectrum over its neighbours")
    yield from _picks(answer)
    yield draw_overlay(answer, spectra)
    yield tag("h2", "Neighbours")
    said = "In bold those that voted. The weight is a neighbour's part of the vote; distances are in the embedding."
    address, named = ARCHIVES[archive]
    said += f" Names lead to {named}." if address else f" {SIMULATED}"
    yield tag("p", said, class_="quiet")
    yield tag("div", neighbour_table(answer, address), class_="scroll")
    yield tag("div", tag("div", *_shares(answer)), tag("div", *_bpt(answer)), class_="two")


def _switches(answer):
    """Return the style rules by which a box shows or hides a neighbour: no script is needed."""
    rows = range(len(answer.neighbours))
    return "\n".join(f"#pick{i}:checked ~ svg .near{i} {{ display: inline; }}" for i in rows)


def _picks(answer):
    """Yield a box for each neighbour, and its name."""
    for i, row in enumerate(answer.neighbours.itertuples()):
        checked = {"checked": "checked"} if i < SHOWN else {}
        yield tag("input", type="checkbox", id=f"pick{i}", **checked)
        words = f"{row.rank} {answer.neighbours['class'].iloc[i]}, z {row.z:.3f}"
        colour = f"border-bottom: 3px solid {COLOURS[i % len(COLOURS)]}"
        yield tag("label", words, for_=f"pick{i}", class_="pick", style=colour)


def draw_overlay(answer, spectra, always=0):
    """Return the SVG of a spectrum over its neighbours, and of what is left without their weighted mean.

    Parameters
    ----------
    spectra : dict
        {specobjid: (rest wavelengths [L], flux[L], ivar[L])} of neighbours, normalised.
    always : int
        Neighbours that are visible without a box to pick them by.
    """
    curves = make_curves(answer, spectra)
    middle, limits = curves.wave, curves.limits
    upper = Axes(
        SIZE["left"],
        SIZE["top"],
        SIZE["across"],
        SIZE["overlay"],
        limits,
        value_limits(curves.own, curves.near[:SHOWN]),
    )
    top = SIZE["top"] + SIZE["overlay"] + SIZE["between"]
    lower = Axes(SIZE["left"], top, SIZE["across"], SIZE["residual"], limits, value_limits(curves.left, around=0.0))
    parts = [*_marked_lines(upper, limits, lower)]
    for i, flux in enumerate(curves.near):
        colour, shown = COLOURS[i % len(COLOURS)], "" if i < always else "near "
        parts.append(upper.line(middle, flux, stroke=colour, stroke_width=1, class_=f"{shown}near{i}", opacity=0.85))
    parts.append(upper.line(middle, curves.own, class_="own", stroke_width=1.2))
    parts += [upper.frame(y_label="flux / median", x_ticks=False), lower.line(limits, (0, 0), class_="ruled")]
    parts.append(lower.line(middle, curves.left, class_="own", stroke_width=0.8))
    parts.append(lower.frame("rest wavelength (Å, vacuum)", "left over"))
    height = top + SIZE["residual"] + SIZE["below"]
    return tag("svg", *parts, viewBox=f"0 0 {SIZE['width']} {height}", role="img")


def _marked_lines(axes, limits, lower):
    last, high = -BESIDE, False
    for name, wave in LINES.items():
        if name != "[N II]" and limits[0] < wave < limits[1]:  # whose label has no room beside that of Hα
            x = float(axes.at(wave, axes.y[0])[0])
            last, high = x, x - last < BESIDE and not high
            yield tag("path", d=f"M{x:.1f} {axes.top}V{lower.top + lower.height}", class_="ruled")
            yield tag("text", name, x=f"{x:.1f}", y=axes.top - (18 if high else 6), text_anchor="middle")


def neighbour_table(answer, address=""):
    """Return the table of neighbours; ``address`` is where their names lead but for the specobjid, empty for nowhere."""
    heads = ("", "spectrum", "class", "z", "S/N", "distance", "weight", "log [N II]/Hα", "log [O III]/Hβ")
    rows = [tag("tr", *(tag("th", head) for head in heads))]
    names = map(spectrum_name, answer.neighbours.itertuples())
    for name, row in zip(names, answer.neighbours.to_dict("records"), strict=True):
        link = tag("a", name, href=f"{address}{row['specobjid']}", rel="noreferrer") if address else name
        numbers = (("z", 4), ("snr", 1), ("distance", 3), ("weight", 4), ("log_nii_ha", 2), ("log_oiii_hb", 2))
        cells = [row["rank"], link, row["class"], *(_number(row[key], digits) for key, digits in numbers)]
        rows.append(tag("tr", *(tag("td", cell) for cell in cells), class_="voted" if row["weight"] > 0 else None))
    return tag("table", *rows)


def _number(value, digits):
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def _shares(answer):
    yield tag("h2", "Shares of the vote")
    rows = []
    for name, share in ((name, share) for name, share in answer.shares.items() if share >= LEAST):
        bar = tag("span", style=f"width:{100 * share:.1f}%", class_="share")
        rows.append(tag("tr", tag("td", name), tag("td", f"{share:.1%}"), tag("td", bar, style="width:60%")))
    yield tag("table", *rows)
    if not np.isfinite(answer.probability):
        why = "it was learnt without a filter" if answer.where else "this vote has not learnt one"
        yield tag("p", f"A share is no probability: {why}.", class_="quiet")


def _bpt(answer):
    yield tag("h2", "BPT diagram")
    axes = Axes(64, 12, 400, 330, **BPT)
    x = np.linspace(*BPT["x"], 200)
    parts = [
        axes.line(x[use], curve(x[use]), class_="axis", stroke_dasharray=dash)
        for _, curve, dash in CURVES
        for use in [np.isfinite(curve(x)) & (curve(x) > BPT["y"][0]) & ((dash != "1 3") | (x > -0.3))]
    ]
    near = answer.neighbours
    for i, (a, b) in enumerate(near[["log_nii_ha", "log_oiii_hb"]].itertuples(index=False)):
        if np.isfinite([a, b]).all():
            at = dict(zip(("cx", "cy"), (f"{float(value):.1f}" for value in axes.at(a, b)), strict=True))
            words = tag("title", f"{near['rank'].iloc[i]} {near['class'].iloc[i]}")
            parts.append(tag("circle", words, r=5, fill=COLOURS[i % len(COLOURS)], **at))
    own = np.isfinite(answer.ratios).all()
    if own:
        across, down = (float(value) for value in axes.at(*answer.ratios))
        parts.append(
            tag(
                "path",
                d=f"M{across - 8:.1f} {down:.1f}h16M{across:.1f} {down - 8:.1f}v16",
                class_="own",
                stroke_width=3,
            )
        )
    parts.append(axes.frame("log [N II] 6583 / Hα", "log [O III] 5007 / Hβ"))
    yield tag("svg", *parts, viewBox="0 0 480 390", role="img")
    measured = int(np.isfinite(near[["log_nii_ha", "log_oiii_hb"]]).all(axis=1).sum())
    said = f"{measured} of {len(near)} neighbours have all four lines in the catalogue. "
    words = answer.unmeasured or "of this spectrum the lines are too faint"
    words = "the cross is this spectrum, by the encoder's lines" if own else words.rstrip(".")
    said += f"{words[0].upper()}{words[1:]}. "
    yield tag("p", said + "Curves: Kauffmann 2003 (dashed), Kewley 2001, Schawinski 2007 (dotted).", class_="quiet")


def fragment(answer, spectra):
    """Return an Answer as a part of another page, a notebook for instance."""
    parts = [tag("p", tag("b", answer.name), f": {answer.verdict}"), draw_overlay(answer, spectra, SHOWN)]
    rules = ".galspec .own{stroke:currentColor}.galspec .axis{stroke:gray}.galspec .ruled{stroke:#ccc}"
    rules += ".galspec .near{display:none}.galspec text{font:12px sans-serif;fill:gray}"
    return tag("div", style(rules), *parts, neighbour_table(answer), class_="galspec")
