"""A convolutional autoencoder (Teimoorinia et al. 2022, AJ 163, 71); their self-organising map after it is not built."""

from itertools import pairwise

from torch import nn

from galspec_core.baselines.networks import clipped, weighted_error
from galspec_core.encoder.network import Network

FAMILY = "network"
KERNEL, STRIDE = 9, 4


class Autoencoder(Network):
    """Strided convolutions to ``latents`` numbers and their mirror image back to the spectrum."""

    def __init__(self, pixels, filters, latents):
        super().__init__()
        self.pixels, sizes = pixels, [pixels]
        for _ in filters:
            sizes.append((sizes[-1] + 2 * (KERNEL // 2) - KERNEL) // STRIDE + 1)
        down = [
            layer
            for a, b in pairwise((1, *filters))
            for layer in (nn.Conv1d(a, b, KERNEL, STRIDE, KERNEL // 2), nn.ReLU())
        ]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(filters[-1] * sizes[-1], latents))
        up, back = [], (*filters[::-1], 1)
        for i, (a, b) in enumerate(pairwise(back)):
            missing = sizes[-2 - i] - ((sizes[-1 - i] - 1) * STRIDE - 2 * (KERNEL // 2) + KERNEL)
            up += [nn.ReLU(), nn.ConvTranspose1d(a, b, KERNEL, STRIDE, KERNEL // 2, missing)]
        self.decoder = nn.Sequential(
            nn.Linear(latents, filters[-1] * sizes[-1]), nn.Unflatten(1, (filters[-1], sizes[-1])), *up, nn.Flatten()
        )

    def loss(self, batch, generator):
        """Return the weighted error per pixel."""
        flux, ivar = self.on_device(batch.flux, batch.ivar)
        return weighted_error(flux, ivar, self.decoder(self.embed(flux))).mean() / self.pixels

    def embed(self, flux, ivar=None):
        """Return the latents [B, D]."""
        return self.encoder(clipped(flux)[:, None])


def build(entry, grid):
    """Return the untrained network of an entry with filters (of each convolution) and latents."""
    return Autoencoder(grid["pixels"], tuple(entry["filters"]), entry["latents"])
