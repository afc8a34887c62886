"""What an encoder rebuilds of a spectrum with hidden patches (paper, section 2.1.2)."""

import numpy as np
import pandas as pd
import torch

from galspec_core.encoder.objective import MASKS
from galspec_core.encoder.patches import coverage, unpatchify


def reconstruct_spectrum(model, spectrum, wave, seed=0):
    """Return wave, flux, ivar, hidden, unseen, reconstruction of one spectrum under the training's own kind of mask.

    ``hidden`` marks pixels in a hidden patch; ``unseen`` those that no visible patch shows, which a network cannot copy.
    The reconstruction is the mean over the hidden patches of a pixel, NaN elsewhere.

    Parameters
    ----------
    model : GalSpecEncoder
    spectrum : Gridded
        One spectrum.
    wave : ndarray[L]
    seed : int
        Of the mask.
    """
    config = model.config
    generator = torch.Generator().manual_seed(seed)
    mask = MASKS[config.mask](1, config.n_patches, config.mask_share, generator)
    patches = model.reconstruct(torch.from_numpy(spectrum.flux[:1].copy()), mask)
    alone = torch.where(mask[..., None], patches, torch.nan)
    total = coverage(config.n_patches, config.patch, config.overlap, config.pixels).numpy()
    hidden = _count(mask, config)
    return pd.DataFrame(
        {
            "wave": wave,
            "flux": spectrum.flux[0],
            "ivar": spectrum.ivar[0],
            "hidden": hidden > 0,
            "unseen": (hidden == total) & (total > 0),
            "reconstruction": _mean_of_hidden(alone, mask, config),
        }
    )


def _count(mask, config):
    """Return how many hidden patches stand over each pixel: ndarray[L]."""
    ones = mask[..., None].float().expand(-1, -1, config.patch)
    share = unpatchify(ones, config.pixels, config.overlap)[0].nan_to_num().numpy()
    return np.round(share * coverage(config.n_patches, config.patch, config.overlap, config.pixels).numpy())


def _mean_of_hidden(patches, mask, config):
    """Return the mean [L] over the hidden patches of each pixel, NaN where none is hidden."""
    known = unpatchify(patches.nan_to_num(), config.pixels, config.overlap)[0].numpy()
    total = coverage(config.n_patches, config.patch, config.overlap, config.pixels).numpy()
    hidden = _count(mask, config)
    return np.where(hidden > 0, known * total / np.maximum(hidden, 1), np.nan)
