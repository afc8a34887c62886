"""One look for every figure: colour-blind safe, readable in grey, vector and PNG."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from galspec_core.figures.marked_lines import LINES
from galspec_core.files import replace

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito 2008
DASHES = ("-", "--", "-.", ":")  # beside colours, for grey prints
MARKERS = ("o", "s", "^", "D", "v", "P")
SETTINGS = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "pdf.fonttype": 42,
    "svg.hashsalt": "galspec",
}
WITHOUT_DATE = {"pdf": {"CreationDate": None}, "png": {"Software": None}}


def new_figure(rows=1, columns=1, size=(7.0, 4.5), **options):
    """Return a figure and its axes in GalSpec's style; ``size`` in inches."""
    with plt.rc_context(SETTINGS):
        return plt.subplots(rows, columns, figsize=size, layout="constrained", **options)


def save_figure(figure, *paths):
    """Write a figure to each path, whole or not at all, and close it."""
    with plt.rc_context(SETTINGS):
        for path in map(str, paths):
            kind = path.rsplit(".", 1)[-1]
            with replace(path) as temporary:
                figure.savefig(temporary, format=kind, metadata=WITHOUT_DATE.get(kind))
    plt.close(figure)


def mark_lines(axis, low, high, names=None, labels=True):
    """Mark the usual lines between ``low`` and ``high`` Angstrom (rest frame) on an axis."""
    for name, wave in LINES.items():
        if low < wave < high and (names is None or name in names):
            axis.axvline(wave, color="0.8", lw=0.6, zorder=0)
            if labels:
                axis.text(
                    wave,
                    1.0,
                    name,
                    transform=axis.get_xaxis_transform(),
                    fontsize=5,
                    ha="center",
                    va="bottom",
                    color="0.4",
                )


def draw_lines(axis, table, x, y, methods):
    """Draw the mean of column ``y``, a share, against ``x`` for every method, in a band of one standard deviation over seeds.

    A method's colour, dash and marker follow from its place in ``methods``, so that they agree between panels.
    """
    for method, part in table.groupby("method", sort=False):
        number = methods.index(method)
        grouped = part.groupby(x)[y]
        mean, spread = grouped.mean(), grouped.std().fillna(0)
        colour = COLOURS[number % len(COLOURS)]
        style = dict(ls=DASHES[number % len(DASHES)], marker=MARKERS[number % len(MARKERS)], ms=3.5, lw=1.2)
        axis.fill_between(
            mean.index, (mean - spread).clip(lower=0), (mean + spread).clip(upper=1), color=colour, alpha=0.16, lw=0
        )
        axis.plot(mean.index, mean, color=colour, label=method, **style)


def few_ticks(axis):
    """Leave at most six ticks on a linear horizontal axis; plain numbers on a logarithmic one of little range."""
    if axis.get_xscale() == "linear":
        axis.xaxis.set_major_locator(MaxNLocator(6))
        return
    low, high = axis.get_xlim()
    if high / low < 100:
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
