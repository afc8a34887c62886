"""Recall among the first hundred against the number of examples of a class that no encoder was trained on."""

from galspec_core.figures.style import COLOURS, MARKERS, new_figure


def draw_few_examples(table):
    """Return a figure with one panel a class, one line a method; bars are 95 % intervals, the dotted line is chance."""
    classes, methods = (list(table[key].unique()) for key in ("class", "method"))
    figure, axes = new_figure(
        1, max(len(classes), 1), size=(2.2 * max(len(classes), 1), 3.0), sharey=True, squeeze=False
    )
    for axis, name in zip(axes[0], classes, strict=False):
        part = table[table["class"] == name]
        for number, method in enumerate(methods):
            own = part[part["method"] == method]
            errors = [
                (own["recall_at_100"] - own["recall_at_100_lo"]).clip(lower=0),
                (own["recall_at_100_hi"] - own["recall_at_100"]).clip(lower=0),
            ]
            style = dict(color=COLOURS[number], marker=MARKERS[number], ms=4, lw=1.2, capsize=2, label=method)
            axis.errorbar(own["n_examples"] * (1 + 0.04 * number), own["recall_at_100"], yerr=errors, **style)
        axis.axhline(part["chance"].iloc[0], color="0.5", ls=":", lw=1)
        axis.set(title=name, xscale="log", ylim=(0, 1.02), xlabel="examples")
        axis.set_xticks(sorted(part["n_examples"].unique()), [str(n) for n in sorted(part["n_examples"].unique())])
        axis.minorticks_off()
    axes[0][0].set_ylabel("recall among the first 100")
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names) or 1, frameon=False)
    return figure
