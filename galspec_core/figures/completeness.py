"""Completeness against injected S/N, a panel for each kind of negatives."""

from galspec_core.figures.style import COLOURS, DASHES, MARKERS, new_figure
from galspec_core.search.ranking import MATCHED, PAPER

TITLES = {PAPER: "against all other test spectra", MATCHED: "against matched controls"}
APART = 0.012  # of the axis between the methods' bars, so that none hides another


def draw_completeness(table):
    """Return the figure of a table from ``search.completeness``: recall at 1 % false positives, with its intervals."""
    figure, axes = new_figure(1, len(TITLES), size=(7.2, 3.4), sharey=True)
    edges = sorted({*table["low"], *table["high"]})
    methods = list(dict.fromkeys(table["method"]))
    for axis, (mix, title) in zip(axes, TITLES.items(), strict=True):
        axis.set_xscale("log")
        for number, method in enumerate(methods):
            part = table[(table["mix"] == mix) & (table["method"] == method)]
            x = part["injected_sn"] * (1 + APART * (number - (len(methods) - 1) / 2))
            ends = [
                (part["recall"] - part["recall_lo"]).clip(lower=0),
                (part["recall_hi"] - part["recall"]).clip(lower=0),
            ]
            style = dict(ls=DASHES[number % len(DASHES)], marker=MARKERS[number % len(MARKERS)], ms=4, lw=1.2)
            colour = COLOURS[number % len(COLOURS)]
            axis.errorbar(x, part["recall"], yerr=ends, color=colour, elinewidth=0.8, label=method, **style)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("injected S/N of background lines")
        axis.set_ylim(-0.03, 1.03)
        axis.set_xticks(edges, [f"{edge:g}" for edge in edges])
        axis.minorticks_off()
    axes[0].set_ylabel("recall at 1 % false positives")
    axes[-1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
