"""The paper's explanations, tested: three-class F1 against redshift, a shifted input, S/N and lost pixels."""

from galspec_core.figures.style import draw_lines, few_ticks, new_figure

PANELS = {  # test, axis label, whether the axis is logarithmic
    "redshift": ("redshift of the test spectra", False),
    "shift": ("input shifted by Δλ/λ (leftmost: not shifted)", True),
    "snr": ("S/N per pixel of the test spectra", True),
    "removed": ("share of pixels removed", False),
}
SMALLEST_SHIFT = 3e-4  # where no shift stands on a logarithmic axis


def draw_stress(table):
    """Return a figure of four panels: mean F1 over seeds, shades one sd; ``table`` has test, method, value, seed, f1."""
    figure, axes = new_figure(2, 2, size=(7.5, 6.0), sharey=True)
    methods = list(table["method"].unique())
    for axis, (test, (label, log)) in zip(axes.flat, PANELS.items(), strict=True):
        part = table[table["test"] == test]
        part = part.assign(value=part["value"].clip(lower=SMALLEST_SHIFT) if log else part["value"])
        draw_lines(axis, part, "value", "f1", methods)
        axis.set(xlabel=label, xscale="log" if log else "linear")
        few_ticks(axis)
    for axis in axes[:, 0]:
        axis.set_ylabel("macro F1 of three classes")
    axes[0, 0].set_ylim(bottom=0)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 5), frameon=False)
    return figure
