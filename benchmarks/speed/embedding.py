"""How fast encoders embed: against bare products and transforms, and in how much memory."""

import json
import subprocess
import sys

import numpy as np
import torch
from scipy.fft import irfft, next_fast_len, rfft
from threadpoolctl import threadpool_limits

from benchmarks.speed.ratio import LIMIT, Comparison, Measured
from benchmarks.speed.spectra import entry_of, make_shards, make_spectra
from benchmarks.speed.training import SHRUNK, bare_products
from galspec_core.encoder.embed import describe, load_encoder
from galspec_core.encoder.evidence import BACKGROUND, WIDTHS, profile
from galspec_core.encoder.factors import ROWS_AT_ONCE, fit_factors
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.network_encoder import NetworkEncoder

AREA = "embedding"
CHILD = """
import json, resource, sys
from galspec_core.encoder.embed import embed_shard, load_encoder
weights, shard, out, times = sys.argv[1:]
encoder = load_encoder(weights, {})
for number in range(int(times)):
    embed_shard(encoder, shard, out)
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
"""


def comparisons(setting):
    """Yield what is measured, all on one thread."""
    torch.set_num_threads(1)
    with threadpool_limits(1, "blas"):  # NumPy's
        entry, grid = entry_of("paper")
        yield network("the paper's encoder as the demonstration shrinks it", {**entry, **SHRUNK}, grid, 64)
        if not setting.small:
            yield network("the paper's encoder", entry, grid, 8)
        _, wide = entry_of("galspec")
        n = 500 if setting.small else 2000
        shards = make_shards(n, wide, setting.scratch / "embedding")
        weights = learn(setting.scratch, shards, n)
        yield factors(weights, make_spectra(512, wide))
        if not setting.small:
            yield memory(setting, weights, shards[0])


def network(name, entry, grid, batch):
    """Return the comparison of embedding by a Transformer with its matrix products alone."""
    torch.manual_seed(0)
    model = build_transformer(entry, grid)
    encoder = NetworkEncoder(model, model.state_dict(), grid["pixels"], {"embed_batch": batch, "torch_threads": 1})
    spectra = make_spectra(2 * batch, grid)
    products = bare_products(model.config, batch, backward=False)
    return Comparison(
        AREA,
        name,
        "its matrix products alone",
        LIMIT,
        lambda: encoder.embed(spectra.flux, spectra.ivar),
        products,
        goal=0.6,
        work=(len(spectra), batch),
        unit="s a spectrum",
        note="one thread, float32",
    )


def learn(folder, shards, n):
    """Learn the default encoder from shards and return its weights' path."""
    entry, grid = entry_of("galspec")
    ids, weights = np.arange(1, n + 1, dtype="u8"), folder / "galspec.safetensors"
    fit_factors(entry, {}, grid, shards, ids, ids[:100], folder, weights, folder / "galspec.csv")
    return weights


def factors(weights, spectra):
    """Return the comparison of embedding by the default encoder with the arithmetic it cannot do without.

    That is the products of matrices for the normal equations and the model, the matrices' inversions, and the Fourier
    transforms of data and filtered data: nothing in between.
    """
    encoder = load_encoder(weights, {})
    squares, design = encoder.squares[0], encoder.design
    pixels, k = encoder.pixels, len(design)
    data = spectra.flux[:ROWS_AT_ONCE]
    normal = np.eye(k) + np.zeros((len(data), 1, 1))
    narrow = sum(len(parts) > 1 for parts in BACKGROUND.values()) + 1  # filters, one for all single lines
    size = next_fast_len(pixels + max(len(profile(width)) for width in WIDTHS) // 2, real=True)
    transformed = rfft(data, size)
    gaussians = len(encoder.population.share)

    def arithmetic():
        right = data @ squares.T, data @ design.T
        right[1] @ design
        for _ in range(
            3 + 2 * gaussians
        ):  # of normal equations, noise and, for each Gaussian, of both and its determinant
            np.linalg.inv(normal)
        for _ in range(4):  # residual and weight, with the galaxy's own lines and without
            rfft(data, size)
        for _ in range(2 * (len(WIDTHS) + narrow)):
            irfft(transformed, size)

    return Comparison(
        AREA,
        "the default encoder",
        "its matrix products, inversions and Fourier transforms alone",
        LIMIT,
        lambda: describe(encoder, spectra.flux, spectra.ivar, spectra.z),
        arithmetic,
        goal=0.6,
        work=(len(spectra), len(data)),
        unit="s a spectrum",
        note="one thread; background lines and all evidence included",
    )


def memory(setting, weights, shard):
    """Return how much memory a hundred shards of 1,000 spectra take, embedded one after another, against two."""

    def peak(times):
        words = [
            sys.executable,
            "-c",
            CHILD,
            str(weights),
            str(shard),
            str(setting.scratch / "out.parquet"),
            str(times),
        ]
        return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    return Measured(
        AREA,
        "memory: 100,000 spectra, shard by shard",
        "2,000 spectra",
        LIMIT,
        lambda: peak(100),
        lambda: peak(2),
        goal=0.95,
        unit="MB",
        note="highest resident memory of the process",
    )
