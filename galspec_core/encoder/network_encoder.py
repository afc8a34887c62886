"""A trained network as an encoder: the same numbers for a spectrum whatever others stand beside it."""

import numpy as np
import torch

from galspec_core.encoder.device import set_up


class NetworkEncoder:
    """A trained network that embeds, in float32 whatever it was trained in."""

    def __init__(self, model, tensors, pixels, run):
        self.device, self.batch = set_up(run), run.get("embed_batch", 64)
        self.model = model.to(self.device).eval()
        self.model.load_state_dict({name: torch.as_tensor(values) for name, values in tensors.items()})
        self.pixels = pixels

    @torch.inference_mode()
    def embed(self, flux, ivar, z=None):
        """Return the embedding [B, D] of flux[B, L]; each batch is filled to its full size, so none differs in shape."""
        parts = [
            self._embed_batch(flux[i : i + self.batch], ivar[i : i + self.batch])
            for i in range(0, max(len(flux), 1), self.batch)
        ]
        return np.concatenate(parts)

    def _embed_batch(self, flux, ivar):
        filled = [torch.zeros(self.batch, self.pixels) for _ in range(2)]
        for whole, rows in zip(filled, (flux, ivar), strict=True):
            whole[: len(rows)] = torch.from_numpy(np.ascontiguousarray(rows))
        return self.model.embed(*(whole.to(self.device) for whole in filled))[: len(flux)].float().cpu().numpy()
