"""Figure 2: the encoder, with the shapes that its own tensors have (paper, section 2.1.1)."""

from galspec_core.encoder.model import FEED_FORWARD
from galspec_core.figures.diagrams import arrow, box, new_diagram


def draw_architecture(table, entry):
    """Return figure 2 of ``encoder.shapes.architecture_table``; ``entry`` is the encoder's of the configuration."""
    blocks = table.set_index("block")
    figure, axis = new_diagram(11.6, 5.6)
    names = list(blocks.index)
    patches, project, place, layers, pool, head = (blocks.loc[name] for name in names[:6])
    spectrum = box(axis, 0.1, 3.6, 1.7, 1.4, "Spectrum", [f"{patches.input} pixels"])
    cut = box(axis, 2.4, 3.6, 1.9, 1.4, "Patches", [patches.output, f"overlap {entry['overlap']} of {entry['patch']}"])
    linear = box(axis, 4.9, 3.6, 2.2, 1.4, "Projection", [project.output, _count(project)], "network")
    positions = box(axis, 7.7, 3.6, 2.2, 1.4, "+ positions", [place.output, _count(place)], "network")
    heads = f"{entry['heads']} heads of {entry['width'] // entry['heads']}"
    feed = f"feed-forward {FEED_FORWARD * entry['width']}"
    box(
        axis,
        7.2,
        1.0,
        3.2,
        1.7,
        names[3],
        [f"attention: {heads}", feed, f"{layers.output}, {_count(layers)}"],
        "network",
    )
    pooled = box(axis, 3.9, 1.9, 2.4, 1.1, "Embedding", [f"{names[4]}: {pool.output}"], "answer")
    rebuilt = box(axis, 3.9, 0.2, 2.4, 1.3, "Rebuilt patches", [head.output, _count(head)], "data")
    for start, end in ((spectrum, cut), (cut, linear), (linear, positions)):
        arrow(axis, start["right"], end["left"])
    arrow(axis, positions["bottom"], (8.8, 2.7))
    arrow(axis, (7.2, 2.3), (6.3, 2.45))
    arrow(axis, (7.2, 1.35), (6.3, 0.85))
    axis.text(0.1, 2.45, "to the knowledge base", fontsize=7, style="italic", va="center")
    arrow(axis, pooled["left"], (2.2, 2.45))
    axis.text(0.1, 0.85, "while pre-training:\nloss where patches are hidden", fontsize=7, style="italic", va="center")
    arrow(axis, rebuilt["left"], (2.6, 0.85))
    total = table["parameters"].sum()
    axis.text(
        11.5,
        0.15,
        f"{total:,} parameters in all,\n{blocks.loc[names[6]].parameters} of them in the mask token",
        fontsize=7,
        ha="right",
    )
    return figure


def _count(row):
    return f"{row.parameters:,} parameters"
