"""Boxes and arrows for the diagrams of figures 1 and 2."""

from matplotlib.patches import FancyBboxPatch

from galspec_core.figures.style import new_figure

FILLS = {"data": "white", "network": "#DCE9F3", "knowledge": "#FBE6D6", "answer": "#E4F1EC"}
EDGE = "0.3"


def new_diagram(width, height, unit=0.62):
    """Return a figure and an axis without scales, ``width`` by ``height`` boxes' units wide."""
    figure, axis = new_figure(size=(width * unit, height * unit))
    axis.set(xlim=(0, width), ylim=(0, height))
    axis.axis("off")
    return figure, axis


def box(axis, x, y, width, height, title, lines=(), kind="data"):
    """Draw a box with its lower left corner at (x, y), a bold title and lines of text; return its middle and sizes."""
    style = dict(boxstyle="round,pad=0,rounding_size=0.12", fc=FILLS[kind], ec=EDGE, lw=0.9)
    axis.add_patch(FancyBboxPatch((x, y), width, height, **style))
    middle = x + width / 2
    if lines:
        axis.text(middle, y + height - 0.16, title, ha="center", va="top", fontsize=8, weight="bold")
        axis.text(
            middle, y + (height - 0.5) / 2, "\n".join(lines), ha="center", va="center", fontsize=7, linespacing=1.35
        )
    else:
        axis.text(middle, y + height / 2, title, ha="center", va="center", fontsize=8, weight="bold")
    return dict(
        left=(x, y + height / 2), right=(x + width, y + height / 2), top=(middle, y + height), bottom=(middle, y)
    )


def arrow(axis, start, end, text="", bend=0.0):
    """Draw an arrow from point to point with a word beside its middle."""
    style = dict(arrowstyle="-|>", color=EDGE, lw=1.0, shrinkA=1, shrinkB=1, connectionstyle=f"arc3,rad={bend}")
    axis.annotate("", end, start, arrowprops=style)
    if text:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        upright = abs(start[0] - end[0]) < abs(start[1] - end[1])
        axis.text(x + (0.1 if upright else 0), y + (0 if upright else 0.08), text, fontsize=7, style="italic",
                  ha="left" if upright else "center", va="center" if upright else "bottom")  # fmt: skip
