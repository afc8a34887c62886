"""What the baseline networks share: weights of pixels, and learning from labels."""

import numpy as np
import torch

from galspec_core.encoder.network import Network
from galspec_core.encoder.pca import CLIP

MOST_IVAR = 400.0  # of normalised flux, S/N 20: bright spectra must not own the loss (our choice)


def clipped(flux):
    """Return flux[B, L] cut to where real galaxies are."""
    return flux.clamp(*CLIP)


def weighted_error(flux, ivar, model):
    """Return 0.5 sum(ivar (flux - model)^2) of each spectrum: [B], the Gaussian log-likelihood but for a constant."""
    return 0.5 * (ivar.clamp(max=MOST_IVAR) * (clipped(flux) - model) ** 2).sum(dim=1)


class Supervised(Network):
    """A network that learns classes: ``logits`` is its own; labels are set before it trains.

    Parameters
    ----------
    n_classes : int
    balanced : bool
        Whether rare classes weigh as much as common ones.
    """

    def __init__(self, n_classes, balanced):
        super().__init__()
        self.n_classes, self.balanced = n_classes, balanced
        self.ids, self.codes = np.empty(0, "u8"), np.empty(0, "i8")
        self.class_weight = torch.ones(n_classes)

    def set_labels(self, ids, codes):
        """Learn the class ``codes`` [n] of the spectra ``ids`` [n]."""
        order = np.argsort(ids)
        self.ids, self.codes = np.asarray(ids)[order], np.asarray(codes)[order]
        number = np.bincount(self.codes, minlength=self.n_classes)
        weight = len(codes) / np.maximum(number, 1) / self.n_classes if self.balanced else np.ones(self.n_classes)
        self.class_weight = torch.as_tensor(weight, dtype=torch.float32)
        return self

    def logits(self, flux, ivar):
        """Return the logits [B, C] of flux[B, L]."""
        raise NotImplementedError

    def loss(self, batch, generator):
        """Return the cross entropy of the batch's labels."""
        flux, ivar, codes = self.on_device(
            batch.flux, batch.ivar, self.codes[np.searchsorted(self.ids, batch.specobjid)]
        )
        weight = self.class_weight.to(self.device)
        return torch.nn.functional.cross_entropy(self.logits(flux, ivar).float(), codes, weight)

    def embed(self, flux, ivar=None):
        """Return one score per class [B, C], adding up to 1."""
        return self.logits(flux, ivar).float().softmax(dim=1)
