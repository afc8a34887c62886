"""GalSpecEncoder: a standard Transformer encoder over patches of a spectrum (paper, section 2.1 and appendix A.1)."""

from dataclasses import dataclass, fields

import torch
from torch import nn

from galspec_core.encoder.network import Network
from galspec_core.encoder.objective import LOSSES, MASKS, mean_of, n_hidden
from galspec_core.encoder.patches import n_patches, patchify
from galspec_core.errors import ConfigError

FEED_FORWARD = 4  # width of the feed-forward layer over the model's (Vaswani et al. 2017)
INIT_STD = 0.02  # of positions and mask token (Devlin et al. 2019)
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
    window: int | None = None  # patches on either side that a patch attends to; None is all

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
        missing, unknown = sorted(names - set(entry) - {"window"}), sorted(set(entry) - names - OTHER_KEYS)
        if missing or unknown:
            what = "keys are missing" if missing else "unknown keys"
            raise ConfigError(what, item="encoders", expected=missing or sorted(names), got=unknown or None)
        return cls(pixels=grid["pixels"], **{name: entry[name] for name in names if name in entry})

    @property
    def n_patches(self):
        """Number of patches N."""
        return n_patches(self.pixels, self.patch, self.overlap)


class GalSpecEncoder(Network):
    """Patch embedding, learned positions, L identical layers of attention and feed-forward, a linear head.

    The layers are torch's, normalised before each sub-layer (pre-norm): the paper does not say where, and post-norm
    does not train stably without a longer warm-up. Patches see all pixels as they are; a hidden patch is replaced by a
    learned token.
    """

    WITHOUT_DECAY = ("position", "mask_token")

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
        self.register_buffer("far", _far(config.n_patches, config.window), persistent=False)

    def tokens(self, patches, mask=None):
        """Return the output tokens [B, N, D] of patches[B, N, P]; ``mask``[B, N] is True where a patch is hidden."""
        return self.layers(self._placed(patches, mask), mask=self.far)

    def _placed(self, patches, mask):
        """Return the tokens [B, N, D] that enter the first layer."""
        tokens = self.embed_patch(patches)  # [B, N, P] -> [B, N, D]
        if mask is not None:
            tokens = torch.where(mask[..., None], self.mask_token, tokens)
        return tokens + self.position

    def tokens_at(self, patches, mask, hidden):
        """Return the output tokens [B, H, D] of the patches ``hidden``[B, H] alone: the last layer does no more work."""
        *layers, last = self.layers.layers
        tokens = self._placed(patches, mask)
        for layer in layers:
            tokens = layer(tokens, src_mask=self.far)
        far = None if self.far is None else self.far[hidden].repeat_interleave(self.config.heads, dim=0)
        around = last.norm1(tokens)
        found = at(tokens, hidden)
        found = found + last.self_attn(at(around, hidden), around, around, attn_mask=far, need_weights=False)[0]
        found = found + last.linear2(last.activation(last.linear1(last.norm2(found))))
        return self.layers.norm(found)

    def loss(self, batch, generator):
        """Return the loss of a ``Gridded`` batch under a mask that ``generator`` draws."""
        return mean_of(*self.sums(batch, generator))

    def sums(self, batch, generator, rows=slice(None)):
        """Return (total, count) of some rows of a batch, whose loss is total / count; the mask is drawn for all rows."""
        mask = MASKS[self.config.mask](len(batch), self.config.n_patches, self.config.mask_share, generator)
        return self(*self.on_device(batch.flux[rows], batch.ivar[rows], mask[rows]))

    def forward(self, flux, ivar, mask):
        """Return (total, count) over the hidden patches of flux[B, L], with weights ivar[B, L] where the loss uses them.

        ``mask``[B, N] hides the same number of patches of each spectrum, that of its configuration.
        """
        patches, weight = (patchify(values, self.config.patch, self.config.overlap) for values in (flux, ivar))
        number = n_hidden(self.config.n_patches, self.config.mask_share)
        hidden = mask.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :number]
        predicted = self.head(self.tokens_at(patches, mask, hidden))  # [B, H, D] -> [B, H, P]
        return LOSSES[self.config.loss](predicted.float(), at(patches, hidden), at(weight, hidden))

    @torch.no_grad()
    def reconstruct(self, flux, mask):
        """Return the patches [B, N, P] that the encoder predicts for flux[B, L] where ``mask``[B, N] hides patches."""
        return self.head(self.tokens(patchify(flux, self.config.patch, self.config.overlap), mask)).float()

    def embed(self, flux, ivar=None):
        """Return the pooled embedding [B, D] of flux[B, L]; nothing is hidden. ``ivar`` is not seen by this encoder."""
        return POOLINGS[self.config.pooling](
            self.tokens(patchify(flux, self.config.patch, self.config.overlap)).float()
        )


def at(values, places):
    """Return values[B, N, D] at places[B, H]: [B, H, D]."""
    return values.gather(1, places[..., None].expand(-1, -1, values.shape[-1]))


def _far(n, window):
    """Return bool[N, N], True where two patches are too far apart to attend to each other; None for no limit."""
    if window is None:
        return None
    return (torch.arange(n)[:, None] - torch.arange(n)).abs() > window


def build_transformer(entry, grid):
    """Return the untrained GalSpecEncoder of an entry of ``encoders`` and its grid's entry."""
    return GalSpecEncoder(TransformerConfig.from_entry(entry, grid))
