"""Figure 2: the encoder, with the shapes that its own tensors have (paper, section 2.1.1)."""

import pandas as pd
import torch

from galspec_core.encoder.model import FEED_FORWARD, build_transformer
from galspec_core.encoder.network import count_parameters
from galspec_core.encoder.patches import patchify
from galspec_core.figures.diagrams import arrow, box, new_diagram


@torch.no_grad()
def architecture_table(entry, grid):
    """Return block, input, output, parameters of a GalSpecEncoder, from the tensors of one spectrum passed through it.

    Shapes are without the batch; ``entry`` and ``grid`` are of the configuration.
    """
    model = build_transformer(entry, grid).eval()
    config = model.config
    flux = torch.zeros(1, config.pixels)
    patches = patchify(flux, config.patch, config.overlap)
    projected = model.embed_patch(patches)
    placed = projected + model.position
    tokens = model.layers(placed, mask=model.far)
    rows = [
        ("patches", flux, patches, 0),
        ("linear projection", patches, projected, count_parameters(model.embed_patch)),
        ("positions", projected, placed, model.position.numel()),
        (f"{config.layers} Transformer layers", placed, tokens, count_parameters(model.layers)),
        (f"{config.pooling} pooling", tokens, model.embed(flux), 0),
        ("reconstruction head", tokens, model.head(tokens), count_parameters(model.head)),
        ("mask token", model.mask_token[0], model.mask_token[0], model.mask_token.numel()),
    ]
    named = [(name, _shape(before), _shape(after), number) for name, before, after, number in rows]
    return pd.DataFrame(named, columns=["block", "input", "output", "parameters"])


def _shape(tensor):
    """Return the shape of a tensor without its batch as text."""
    return " × ".join(str(size) for size in tensor.shape[1:])


def draw_architecture(table, entry):
    """Return figure 2 of ``architecture_table``; ``entry`` is the encoder's of the configuration."""
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
