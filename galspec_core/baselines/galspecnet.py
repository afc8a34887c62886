"""GalSpecNet (Wu et al. 2024, MNRAS 527, 2022): the convolutional network of the paper's table 2.

Known (paper cited there): one dimension, four convolutions of 64, 64, 32 and 32 filters, kernel 3, pooling by 4 after each,
dropout, a dense head, trained end to end on labelled spectra. Assumed here: rectified units, same-size padding, pooling
by the maximum, one hidden dense layer of 64, dropout before both dense layers, cross entropy.
"""

from torch import nn

from galspec_core.baselines.networks import Supervised, clipped
from galspec_core.errors import ConfigError

FAMILY = "supervised"
FILTERS, KERNEL, POOL, DENSE = (64, 64, 32, 32), 3, 4, 64


class GalSpecNet(Supervised):
    """Four convolutions, then two dense layers: flux[B, L] -> logits[B, C]."""

    def __init__(self, pixels, n_classes, dropout, balanced):
        super().__init__(n_classes, balanced)
        least = POOL ** len(FILTERS)
        if pixels < least:
            item, expected = "baselines.systems: kind galspecnet", f"{least} pixels or more"
            remedy = "Give it a grid of spectra.grids that has so many"
            raise ConfigError("the grid is too short", item=item, expected=expected, got=pixels, remedy=remedy)
        layers, before = [], 1
        for filters in FILTERS:
            layers += [nn.Conv1d(before, filters, KERNEL, padding="same"), nn.ReLU(), nn.MaxPool1d(POOL)]
            before, pixels = filters, pixels // POOL
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(before * pixels, DENSE),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(DENSE, n_classes),
        )

    def logits(self, flux, ivar):
        """Return the logits [B, C] of flux[B, L]."""
        return self.head(self.features(clipped(flux)[:, None]))


def build(entry, grid):
    """Return the untrained network of an entry with n_classes, dropout and balanced."""
    return GalSpecNet(grid["pixels"], entry["n_classes"], entry["dropout"], entry["balanced"])
