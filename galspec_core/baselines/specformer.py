"""A SpecFormer-like encoder (Parker et al. 2024, MNRAS 531, 4990): the same Transformer, several contiguous chunks hidden."""

from galspec_core.encoder.model import build_transformer

FAMILY = "network"
MASK = dict(mask="chunks", loss="mse", pooling="mean")


def build(entry, grid):
    """Return the untrained encoder of an entry with patch, overlap, layers, width, heads and mask_share."""
    keys = ("patch", "overlap", "layers", "width", "heads", "mask_share")
    return build_transformer({**{key: entry[key] for key in keys}, **MASK}, grid)
