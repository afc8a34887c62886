"""A Transformer whose few numbers must rebuild the whole rest-frame spectrum, under noise, lost edges and hidden chunks.

The spectrum is given noise, loses an end and some contiguous chunks; what is left, with its ivar, becomes tokens; these are pooled
into ``latents`` numbers, and a decoder must give the spectrum as it was from those alone, each pixel weighed by its ivar. Two such
views of a galaxy may also be asked to agree (InfoNCE: van den Oord et al. 2018), and the numbers to tell catalogue quantities.
"""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from galspec_core.encoder.model import FEED_FORWARD, INIT_STD, OTHER_KEYS
from galspec_core.encoder.network import Network
from galspec_core.encoder.objective import mask_chunks
from galspec_core.encoder.pca import CLIP
from galspec_core.errors import ConfigError

MOST_IVAR = 400.0  # of normalised flux, S/N 20: bright spectra must not own the loss (our choice)
TEMPERATURE = 0.1  # of agreement (our choice)
HIDDEN = 256  # width of the decoder's inner layer
POOLINGS = ("mean", "max", "learned")
STEMS = ("patch", "conv")


@dataclass(frozen=True)
class BottleneckConfig:
    """Architecture and objective; ``pixels`` is the grid's L."""

    pixels: int
    patch: int
    layers: int
    width: int
    heads: int
    latents: int
    stem: str = "patch"
    pooling: str = "learned"
    hide: float = 0.25  # share of the patches, in contiguous chunks
    noise: float = 9.0  # most by which the variance is multiplied
    edges: float = 0.15  # most of the spectrum that an end loses
    agree: float = 0.0  # weight of the agreement of two views
    weak: float = 0.0  # weight of catalogue quantities
    quantities: str | None = None  # Parquet file with specobjid and ``columns``
    columns: tuple = ()

    def __post_init__(self):
        for key, known in (("pooling", POOLINGS), ("stem", STEMS)):
            if getattr(self, key) not in known:
                raise ConfigError("unknown value", item=f"encoders: {key}", expected=known, got=getattr(self, key))

    @classmethod
    def from_entry(cls, entry, grid):
        """Return it from an entry of ``encoders`` and its grid's entry."""
        names = {field.name for field in fields(cls)} - {"pixels"}
        unknown = sorted(set(entry) - names - OTHER_KEYS)
        if unknown:
            raise ConfigError("unknown keys", item="encoders", expected=sorted(names), got=unknown)
        return cls(pixels=grid["pixels"], **{name: entry[name] for name in names if name in entry})


class Bottleneck(Network):
    """Stem, positions, Transformer layers, pooling into latents, decoder."""

    WITHOUT_DECAY = ("position", "query")

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.n = -(-config.pixels // config.patch)
        width = config.width
        self.stem = _conv_stem(width, config.patch) if config.stem == "conv" else nn.Linear(2 * config.patch, width)
        self.position = nn.Parameter(torch.randn(1, self.n, width) * INIT_STD)
        self.query = nn.Parameter(torch.randn(1, 1, width) * INIT_STD)
        layer = nn.TransformerEncoderLayer(
            width, config.heads, FEED_FORWARD * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.latents = nn.Linear(width, config.latents)
        self.decoder = nn.Sequential(nn.Linear(config.latents, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, config.pixels))
        self.weak = nn.Linear(config.latents, max(len(config.columns), 1))
        self.known = _quantities(config) if config.weak else None

    def embed(self, flux, ivar=None):
        """Return the latents [B, D] of flux[B, L]."""
        good = ivar > 0
        seen = torch.stack([torch.where(good, flux.clamp(*CLIP) - 1, 0), torch.asinh(ivar.clamp(min=0).sqrt()) / 3], 1)
        seen = functional.pad(seen, (0, self.n * self.config.patch - self.config.pixels))  # [B, 2, N P]
        if self.config.stem == "conv":
            tokens = self.stem(seen).transpose(1, 2)  # [B, D, N] -> [B, N, D]
        else:
            tokens = self.stem(seen.reshape(len(seen), 2, self.n, -1).transpose(1, 2).flatten(2))
        tokens = tokens + self.position
        if self.config.pooling == "learned":
            tokens = torch.cat([self.query.expand(len(tokens), -1, -1), tokens], 1)
        tokens = self.norm(self.layers(tokens))
        pooled = {"mean": lambda: tokens.mean(1), "max": lambda: tokens.amax(1), "learned": lambda: tokens[:, 0]}
        return self.latents(pooled[self.config.pooling]())

    def loss(self, batch, generator):
        """Return chi-squared a pixel of the rebuilt spectra, with the agreement and the quantities where they are asked for."""
        flux, ivar = (torch.as_tensor(values) for values in (batch.flux, batch.ivar))
        views = [self._view(flux, ivar, generator) for _ in range(1 + bool(self.config.agree))]
        flux, ivar = self.on_device(flux.clamp(*CLIP), ivar.clamp(max=MOST_IVAR))
        found = [self.embed(*self.on_device(*view)) for view in views]
        losses = [(ivar * (1 + self.decoder(z) - flux) ** 2).sum() / (ivar > 0).sum().clamp_min(1) for z in found]
        total = sum(losses) / len(losses)
        if self.config.agree:
            total = total + self.config.agree * _disagreement(*found)
        if self.config.weak:
            total = total + self.config.weak * self._off(found[0], batch.specobjid)
        return total

    def _view(self, flux, ivar, generator):
        """Return flux and ivar [B, L] with noise added, an end cut off and chunks hidden."""
        config, (b, pixels) = self.config, flux.shape
        factor = config.noise ** torch.rand(b, 1, generator=generator)
        noise = torch.randn(b, pixels, generator=generator) * ((factor - 1) / ivar.clamp_min(1e-6)).sqrt()
        flux, ivar = torch.where(ivar > 0, flux + noise, flux), ivar / factor
        hidden = mask_chunks(b, self.n, config.hide, generator).repeat_interleave(config.patch, 1)[:, :pixels]
        cut = config.edges * pixels * torch.rand(b, 2, generator=generator)
        place = torch.arange(pixels)
        hidden = hidden | (place < cut[:, :1]) | (place >= pixels - cut[:, 1:])
        return flux, torch.where(hidden, 0, ivar)

    def _off(self, latents, specobjid):
        known = torch.as_tensor(self.known.reindex(specobjid).to_numpy(dtype="f4")).to(self.device)
        there = torch.isfinite(known)
        return ((self.weak(latents) - known.nan_to_num())[there] ** 2).sum() / there.sum().clamp_min(1)


def _conv_stem(width, patch):
    """Return convolutions over [B, 2, L] whose strides make one token of ``patch`` pixels, a multiple of 4."""
    return nn.Sequential(
        nn.Conv1d(2, 32, 7, stride=2, padding=3),
        nn.GELU(),
        nn.Conv1d(32, 64, 5, stride=2, padding=2),
        nn.GELU(),
        nn.Conv1d(64, width, patch // 4, stride=patch // 4),
    )


def _disagreement(one, other):
    """Return InfoNCE between two views' latents [B, D]: each must know its own among the batch."""
    one, other = (functional.normalize(z - z.mean(0), dim=1) for z in (one, other))
    likeness = one @ other.T / TEMPERATURE
    own = torch.arange(len(one), device=one.device)
    return 0.5 * (functional.cross_entropy(likeness, own) + functional.cross_entropy(likeness.T, own))


def _quantities(config):
    """Return the standardised catalogue quantities, a DataFrame by specobjid."""
    table = pd.read_parquet(config.quantities, columns=["specobjid", *config.columns]).drop_duplicates("specobjid")
    table = table.set_index("specobjid").replace([np.inf, -np.inf], np.nan)
    return (table - table.mean()) / table.std()


def build_bottleneck(entry, grid):
    """Return the untrained network of an entry of ``encoders`` and its grid's entry."""
    return Bottleneck(BottleneckConfig.from_entry(entry, grid))
