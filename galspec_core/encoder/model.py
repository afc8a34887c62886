"""GalSpecEncoder: a standard Transformer encoder over patches of a spectrum (paper, section 2.1 and appendix A.1)."""

from dataclasses import dataclass, fields

import torch
from torch import nn

from galspec_core.encoder.objective import LOSSES, MASKS
from galspec_core.encoder.patches import n_patches, patchify
from galspec_core.errors import ConfigError

FEED_FORWARD = 4  # width of the feed-forward layer over the model's (Vaswani et al. 2017)
INIT_STD = 0.02  # of positions and mask token (Devlin et al. 2019)
WITHOUT_DECAY = ("position", "mask_token")  # parameters that no weight decay pulls to zero, besides norms and biases
OTHER_KEYS = {"kind", "grid", "training", "note"}  # of an entry of encoders, for others to read
POOLINGS = {"mean": lambda tokens: tokens.mean(dim=1), "max": lambda tokens: tokens.amax(dim=1)}


@dataclass(frozen=True)
class TransformerConfig:
    """The architecture and objective of an entry of ``encoders`` with kind transformer; ``pixels`` is the grid's L."""

    pixels: int
    patch: int
    overlap: int
    layers: int
    width: int
    heads: int
    mask: str
    mask_share: float
    loss: str
    pooling: str

    def __post_init__(self):
        for key, known in (("mask", MASKS), ("loss", LOSSES), ("pooling", POOLINGS)):
            if getattr(self, key) not in known:
                raise ConfigError(
                    "unknown value",
                    item=f"encoders: {key}",
                    expected=f"one of {', '.join(known)}",
                    got=getattr(self, key),
                )
        if self.width % self.heads:
            raise ConfigError("width is no multiple of heads", item="encoders", got=f"{self.width}, {self.heads}")
        n_patches(self.pixels, self.patch, self.overlap)

    @classmethod
    def from_entry(cls, entry, grid):
        """Return it from an entry of ``encoders`` and its grid's entry; raise ConfigError naming a key amiss."""
        names = {field.name for field in fields(cls)} - {"pixels"}
        missing, unknown = sorted(names - set(entry)), sorted(set(entry) - names - OTHER_KEYS)
        if missing or unknown:
            what = "keys are missing" if missing else "unknown keys"
            raise ConfigError(what, item="encoders", expected=missing or sorted(names), got=unknown or None)
        return cls(pixels=grid["pixels"], **{name: entry[name] for name in names})

    @property
    def n_patches(self):
        """Number of patches N."""
        return n_patches(self.pixels, self.patch, self.overlap)


class GalSpecEncoder(nn.Module):
    """Patch embedding, learned positions, L identical layers of attention and feed-forward, a linear head.

    The layers are torch's, normalised before each sub-layer (pre-norm): the paper does not say where, and post-norm
    does not train stably without a longer warm-up. Patches see all pixels as they are; a hidden patch is replaced by a
    learned token.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_patch = nn.Linear(config.patch, config.width)
        self.position = nn.Parameter(torch.randn(1, config.n_patches, config.width) * INIT_STD)
        self.mask_token = nn.Parameter(torch.randn(1, 1, config.width) * INIT_STD)
        layer = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            FEED_FORWARD * config.width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(
            layer, config.layers, norm=nn.LayerNorm(config.width), enable_nested_tensor=False
        )
        for parameter in self.layers.parameters():  # torch copies one layer L times: draw each anew
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        self.head = nn.Linear(config.width, config.patch)

    def tokens(self, patches, mask=None):
        """Return the output tokens [B, N, D] of patches[B, N, P]; ``mask``[B, N] is True where a patch is hidden."""
        tokens = self.embed_patch(patches)  # [B, N, P] -> [B, N, D]
        if mask is not None:
            tokens = torch.where(mask[..., None], self.mask_token, tokens)
        return self.layers(tokens + self.position)

    def forward(self, flux, ivar, mask):
        """Return the loss over the hidden patches of flux[B, L], with weights ivar[B, L] where the loss uses them."""
        patches, weight = (patchify(values, self.config.patch, self.config.overlap) for values in (flux, ivar))
        predicted = self.head(self.tokens(patches, mask))  # [B, N, D] -> [B, N, P]
        return LOSSES[self.config.loss](predicted.float(), patches, weight, mask)

    def embed(self, flux, ivar=None):
        """Return the pooled embedding [B, D] of flux[B, L]; nothing is hidden. ``ivar`` is not seen by this encoder."""
        return POOLINGS[self.config.pooling](
            self.tokens(patchify(flux, self.config.patch, self.config.overlap)).float()
        )

    def groups(self, weight_decay):
        """Return parameter groups for AdamW: decay for matrices, none for biases, norms, positions and mask token."""
        named = list(self.named_parameters())
        decays = [p for name, p in named if p.dim() > 1 and name not in WITHOUT_DECAY]
        rest = [p for name, p in named if p.dim() <= 1 or name in WITHOUT_DECAY]
        return [dict(params=decays, weight_decay=weight_decay), dict(params=rest, weight_decay=0.0)]


def count_parameters(model):
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
