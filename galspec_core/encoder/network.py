"""What the trainer and the embedder ask of a network, whatever it learns."""

import torch
from torch import nn


class Network(nn.Module):
    """A network that says how far off it is on a batch, and embeds spectra once it has learnt.

    ``WITHOUT_DECAY`` names parameters that no weight decay pulls to zero, besides biases and norms.
    """

    WITHOUT_DECAY: tuple = ()

    @property
    def device(self):
        """The device of the parameters."""
        return next(self.parameters()).device

    def on_device(self, *arrays):
        """Return arrays as tensors on the network's device; to a GPU they go from pinned memory, while it computes."""
        tensors = (torch.as_tensor(values) for values in arrays)
        if self.device.type == "cuda":
            tensors = (tensor.pin_memory() for tensor in tensors)
        return tuple(tensor.to(self.device, non_blocking=True) for tensor in tensors)

    def loss(self, batch, generator):
        """Return the loss, a scalar tensor, of a ``Gridded`` batch; what is random follows from ``generator``."""
        raise NotImplementedError

    def embed(self, flux, ivar=None):
        """Return the embedding [B, D] of flux[B, L], tensors on the network's device."""
        raise NotImplementedError

    def groups(self, weight_decay):
        """Return parameter groups for AdamW: decay for matrices, none for biases, norms and WITHOUT_DECAY."""
        named = list(self.named_parameters())
        decays = [p for name, p in named if p.dim() > 1 and name not in self.WITHOUT_DECAY]
        rest = [p for name, p in named if p.dim() <= 1 or name in self.WITHOUT_DECAY]
        return [dict(params=decays, weight_decay=weight_decay), dict(params=rest, weight_decay=0.0)]


def count_parameters(model):
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
