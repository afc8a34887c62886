"""The GalSpecEncoder trained end to end on labels, with GalSpecNet's data, loss and optimiser (paper, section 4.1)."""

import torch
from torch import nn

from galspec_core.baselines.networks import Supervised, clipped
from galspec_core.encoder.model import GalSpecEncoder, TransformerConfig

FAMILY = "supervised"
ENCODER = ("patch", "overlap", "layers", "width", "heads", "pooling", "window")
UNUSED = dict(mask="random", mask_share=0.25, loss="mse")  # of the self-supervised objective, which is not used here


class SupervisedEncoder(Supervised):
    """A GalSpecEncoder whose pooled tokens meet a linear head: flux[B, L] -> logits[B, C]."""

    WITHOUT_DECAY = tuple(f"encoder.{name}" for name in GalSpecEncoder.WITHOUT_DECAY)

    def __init__(self, config, n_classes, dropout, balanced):
        super().__init__(n_classes, balanced)
        self.encoder = GalSpecEncoder(config)
        self.encoder.head = nn.Identity()
        self.encoder.mask_token = nn.Parameter(torch.zeros(1, 1, config.width), requires_grad=False)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(config.width, n_classes))

    def logits(self, flux, ivar):
        """Return the logits [B, C] of flux[B, L]."""
        return self.head(self.encoder.embed(clipped(flux)))


def build(entry, grid):
    """Return the untrained network of an entry with n_classes, dropout, balanced and the encoder's keys."""
    keys = {name: entry[name] for name in ENCODER if name in entry}
    config = TransformerConfig(pixels=grid["pixels"], **keys, **UNUSED)
    return SupervisedEncoder(config, entry["n_classes"], entry["dropout"], entry["balanced"])
