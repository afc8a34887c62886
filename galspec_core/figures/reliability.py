"""Reliability: how often spectra of a given probability are what they are said to be."""

from galspec_core.figures.style import COLOURS, MARKERS, new_figure


def draw_reliability(curves, method):
    """Return a figure with one panel a task: share of true targets against the probability ``method`` gives.

    Parameters
    ----------
    curves : DataFrame
        task, method, composition, predicted, observed, observed_lo, observed_hi.
    method : str
    """
    own = curves[curves["method"] == method]
    tasks = list(own["task"].unique())
    figure, axes = new_figure(1, max(len(tasks), 1), size=(3.2 * max(len(tasks), 1), 3.6), sharey=True, squeeze=False)
    for axis, task in zip(axes[0], tasks, strict=True):
        axis.plot([0, 1], [0, 1], color="0.6", lw=1, zorder=0)
        for number, (name, part) in enumerate(own[own["task"] == task].groupby("composition", sort=False)):
            errors = [part["observed"] - part["observed_lo"], part["observed_hi"] - part["observed"]]
            style = dict(color=COLOURS[number], marker=MARKERS[number], ms=4, lw=1, label=name)
            axis.errorbar(part["predicted"], part["observed"], yerr=[error.clip(lower=0) for error in errors], **style)
        axis.set(title=task, xlabel=f"probability ({method})", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes[0, 0].set_ylabel("share of true targets")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False)
    return figure
