"""Classes that no encoder has seen: recall among the first hundred against the number of examples."""

import numpy as np

from galspec_core.figures.style import COLOURS, DASHES, MARKERS, new_figure

COLUMNS = 4  # panels in a row


def draw_few_examples(table):
    """Return the figure of results/few_examples.csv: one panel a class, with 95 % intervals; an empty one without a class."""
    classes = list(table["class"].unique())
    columns = min(COLUMNS, max(len(classes), 1))
    rows = max(1, -(-len(classes) // columns))
    figure, axes = new_figure(rows, columns, size=(2.4 * columns + 0.6, 2.3 * rows), squeeze=False, sharey=True)
    methods = list(table["method"].unique())
    for axis, name in zip(axes.flat, classes, strict=False):
        _draw_class(axis, table[table["class"] == name], methods)
        axis.set_title(name.replace(": ", ":\n"), fontsize=8)
    for axis in axes.flat[len(classes) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("recall among the first 100", fontsize=8)
    if classes:
        axes.flat[0].legend(fontsize=7)
    return figure


def _draw_class(axis, part, methods):
    for number, method in enumerate(methods):
        own = part[part["method"] == method]
        middle = own["recall_at_100"].to_numpy()
        spread = np.clip([middle - own["recall_at_100_lo"], own["recall_at_100_hi"] - middle], 0, None)
        style = dict(color=COLOURS[number], ls=DASHES[number % len(DASHES)], marker=MARKERS[number % len(MARKERS)])
        axis.errorbar(
            own["n_examples"] * 1.03**number, middle, spread, ms=3.5, lw=1.2, capsize=2, label=method, **style
        )
    axis.axhline(part["chance"].iloc[0], color="0.6", lw=0.8, ls=DASHES[3], label="chance")
    ticks = sorted(part["n_examples"].unique())
    axis.set(xscale="log", ylim=(0, 1.05), xlabel="examples")
    axis.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    axis.minorticks_off()
