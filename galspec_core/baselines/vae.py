"""A variational autoencoder of dense layers (Portillo et al. 2020, AJ 160, 45): a handful of latents rebuild a spectrum.

They regularise by the maximum mean discrepancy (InfoVAE); this one has the usual Kullback-Leibler term, weighted by ``beta``.
"""

from itertools import pairwise

import torch
from torch import nn

from galspec_core.baselines.networks import clipped, weighted_error
from galspec_core.encoder.network import Network

FAMILY = "network"


class Vae(Network):
    """Dense encoder and mirrored decoder around ``latents`` Gaussian numbers."""

    def __init__(self, pixels, hidden, latents, beta):
        super().__init__()
        self.beta = beta
        self.encoder = dense(pixels, *hidden, 2 * latents)
        self.decoder = dense(latents, *hidden[::-1], pixels)

    def loss(self, batch, generator):
        """Return the negative evidence lower bound, per pixel."""
        flux, ivar, noise = self.on_device(batch.flux, batch.ivar, self._noise(len(batch), generator))
        mean, log_variance = self.encoder(clipped(flux)).float().chunk(2, dim=1)
        model = self.decoder(mean + noise * (0.5 * log_variance).exp())
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
        return (weighted_error(flux, ivar, model) + self.beta * divergence).mean() / flux.shape[1]

    def _noise(self, n, generator):
        return torch.randn(n, self.decoder[0].in_features, generator=generator)

    def embed(self, flux, ivar=None):
        """Return the latents' means [B, D]."""
        return self.encoder(clipped(flux)).chunk(2, dim=1)[0]


def dense(*widths):
    """Return linear layers of these widths with rectified units between."""
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def build(entry, grid):
    """Return the untrained network of an entry with hidden (widths), latents and beta."""
    return Vae(grid["pixels"], tuple(entry["hidden"]), entry["latents"], entry["beta"])
