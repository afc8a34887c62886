"""The shapes that an encoder's own tensors have, block by block."""

import pandas as pd
import torch

from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.network import count_parameters
from galspec_core.encoder.patches import patchify


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
