"""Figures 4 and 5 and two like them: precision, recall and F1 against what is swept, with the spread over seeds."""

from galspec_core.figures.style import draw_lines, few_ticks, new_figure

METRICS = {"precision": "precision", "recall": "recall", "f1": "F1"}
SMALLEST_TOP = 0.1  # of a vertical axis: nothing found is a line at its foot
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
    tasks, methods = (list(table[key].unique()) for key in ("task", "method"))
    figure, axes = new_figure(
        len(tasks), 3, size=(7.5, 0.6 + 2.0 * len(tasks)), sharex=True, sharey="row", squeeze=False
    )
    for row, task in zip(axes, tasks, strict=True):
        for axis, metric in zip(row, METRICS, strict=True):
            draw_lines(axis, table[table["task"] == task], column, metric, methods)
            axis.set_xscale("log" if log else "linear")
            few_ticks(axis)
        row[0].set_ylim(0, max(row[0].get_ylim()[1], SMALLEST_TOP))
        row[0].set_ylabel(task)
    for axis, name in zip(axes[0], METRICS.values(), strict=True):
        axis.set_title(name)
    figure.supxlabel(label, fontsize=9)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure
