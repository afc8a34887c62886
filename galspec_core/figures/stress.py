"""The paper's explanations, tested: three-class F1 against redshift, a shifted input, S/N and lost pixels."""

from galspec_core.figures.style import COLOURS, DASHES, MARKERS, new_figure

PANELS = {  # test, axis label, whether the axis is logarithmic
    "redshift": ("redshift of the test spectra", False),
    "shift": ("input shifted by this share of its wavelength", True),
    "snr": ("S/N per pixel of the test spectra", True),
    "removed": ("share of pixels removed", False),
}
SMALLEST_SHIFT = 3e-4  # where no shift stands on a logarithmic axis


def draw_stress(table):
    """Return a figure of four panels: mean F1 over seeds, shades one sd; ``table`` has test, method, value, seed, f1."""
    figure, axes = new_figure(2, 2, size=(7.5, 6.0), sharey=True)
    for axis, (test, (label, log)) in zip(axes.flat, PANELS.items(), strict=True):
        part = table[table["test"] == test]
        _draw_panel(axis, part.assign(value=part["value"].clip(lower=SMALLEST_SHIFT) if log else part["value"]))
        axis.set(xlabel=label, xscale="log" if log else "linear")
    for axis in axes[:, 0]:
        axis.set_ylabel("macro F1 of three classes")
    axes[0, 0].set_ylim(bottom=0)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 6))
    return figure


def _draw_panel(axis, table):
    for number, (method, part) in enumerate(table.groupby("method", sort=False)):
        grouped = part.groupby("value")["f1"]
        mean, spread = grouped.mean(), grouped.std().fillna(0)
        colour = COLOURS[number % len(COLOURS)]
        axis.fill_between(mean.index, mean - spread, mean + spread, color=colour, alpha=0.15, lw=0)
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
