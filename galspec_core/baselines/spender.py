"""spender (Melchior et al. 2023, AJ 166, 74), the PyPI package, trained from scratch on this survey.

An attentive convolutional encoder of the observed spectrum, and a decoder in the rest frame that is redshifted before it
meets the data. Its later consistency losses are not used. The package is an optional extra.
"""

import numpy as np
import torch

from galspec_core.baselines.networks import MOST_IVAR, clipped
from galspec_core.encoder.network import Network
from galspec_core.errors import ConfigError
from galspec_core.spectra.prepare import grid_from_config

FAMILY = "network"


def load_spender():
    """Return the spender package; raise ConfigError where it is not installed."""
    try:
        import spender
        import spender.flow
    except ImportError as error:
        raise ConfigError(
            "the package spender is not installed",
            item="baselines.systems",
            got=str(error),
            remedy="pip install -c constraints.txt -e '.[systems]', or take it out of baselines.in_systems",
        ) from None
    return spender


class Spender(Network):
    """spender's autoencoder on one observed grid."""

    def __init__(self, wave, highest_z, pixels, latents):
        super().__init__()
        spender = load_spender()
        rest = np.linspace(wave[0] / (1 + highest_z), wave[-1], pixels, dtype="f4")
        instrument = spender.Instrument(torch.tensor(wave, dtype=torch.float32))
        self.model = spender.SpectrumAutoencoder(instrument, torch.from_numpy(rest), n_latent=latents)

    def loss(self, batch, generator):
        """Return spender's own loss, the mean over the batch."""
        flux, ivar, z = self.on_device(batch.flux, batch.ivar, batch.z)
        return self.model.loss(clipped(flux), ivar.clamp(max=MOST_IVAR), z=z) / len(batch)

    def embed(self, flux, ivar=None):
        """Return the latents [B, D]."""
        return self.model.encode(clipped(flux))


def build(entry, grid):
    """Return the untrained network of an entry with latents, rest_pixels and highest_z (of the rest-frame grid)."""
    keys = {key: value for key, value in grid.items() if value is not None}
    wave = grid_from_config("spender", keys).wavelengths
    return Spender(wave, entry["highest_z"], entry["rest_pixels"], entry["latents"])
