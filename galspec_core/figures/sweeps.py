"""Figures 4 and 5 and two like them: precision, recall and F1 against what is swept, with the spread over seeds."""

from galspec_core.figures.style import COLOURS, DASHES, MARKERS, new_figure

METRICS = {"precision": "precision", "recall": "recall", "f1": "F1"}
SWEPT = {  # column, axis label, whether its axis is logarithmic
    "target_share": ("share", "share of targets in the knowledge base", True),
    "top_k": ("k", "neighbours that vote, K", False),
    "base_size": ("n", "entries of the knowledge base", True),
    "wrong_labels": ("share", "share of wrong labels in the knowledge base", False),
}


def draw_sweep(table, sweep):
    """Return a figure: one row a task, one column a metric, one line a method; shades are one sd over seeds.

    Parameters
    ----------
    table : DataFrame
        task, method, what is swept, seed, precision, recall, f1.
    sweep : str
        A name of SWEPT.
    """
    column, label, log = SWEPT[sweep]
    tasks = list(table["task"].unique())
    figure, axes = new_figure(
        len(tasks), 3, size=(7.5, 0.6 + 2.0 * len(tasks)), sharex=True, sharey="row", squeeze=False
    )
    for row, task in zip(axes, tasks, strict=True):
        for axis, metric in zip(row, METRICS, strict=True):
            _draw_panel(axis, table[table["task"] == task], column, metric, log)
        row[0].set_ylabel(task)
    for axis, name in zip(axes[0], METRICS.values(), strict=True):
        axis.set_title(name)
    figure.supxlabel(label, fontsize=9)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return figure


def _draw_panel(axis, table, column, metric, log):
    for number, (method, part) in enumerate(table.groupby("method", sort=False)):
        grouped = part.groupby(column)[metric]
        mean, spread = grouped.mean(), grouped.std().fillna(0)
        colour = COLOURS[number % len(COLOURS)]
        axis.fill_between(mean.index, mean - spread, mean + spread, color=colour, alpha=0.18, lw=0)
        axis.plot(
            mean.index,
            mean,
            color=colour,
            ls=DASHES[number % 4],
            marker=MARKERS[number % 6],
            ms=3,
            lw=1.2,
            label=method,
        )
    if log:
        axis.set_xscale("log")
    axis.set_ylim(bottom=0)
