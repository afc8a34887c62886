"""How fast encoders learn: against bare products of the same matrices, against spender, and against what feeds them."""

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.speed.ratio import LIMIT, PEER, Comparison
from benchmarks.speed.spectra import CONFIG, entry_of, make_shards, make_spectra
from galspec_core.encoder.data import Batches
from galspec_core.encoder.factors import find_components, fit_factors
from galspec_core.encoder.model import FEED_FORWARD, build_transformer
from galspec_core.encoder.objective import n_hidden

AREA = "training"
SHRUNK = dict(patch=60, overlap=20, layers=3, width=128, heads=4)  # the demonstration's (config/embedded.yaml)


def comparisons(setting):
    """Yield what is measured, all on one thread."""
    torch.set_num_threads(1)
    with threadpool_limits(1, "blas"):  # NumPy's
        entry, grid = entry_of("paper")
        shrunk = {**entry, **SHRUNK}
        batch = make_spectra(32, grid)
        yield against_products("the paper's encoder as the demonstration shrinks it: a step", shrunk, grid, batch)
        if not setting.small:
            yield against_products("the paper's encoder: a step", entry, grid, batch[:2])
        yield factors_against_products(make_spectra(1000 if setting.small else 2000, entry_of("galspec")[1]))
        yield loading(setting, shrunk, grid, batch)
        yield against_spender(setting, grid)


def take_steps(entry, grid, batch):
    """Return a function that takes one step of the entry's network on a batch."""
    torch.manual_seed(0)
    model = build_transformer(entry, grid)
    optimiser = torch.optim.AdamW(model.groups(0.1), lr=1e-5)
    generator = torch.Generator().manual_seed(0)

    def step():
        loss = model.loss(batch, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    return step


def bare_products(config, n, backward=True):
    """Return a function that makes the products of a Transformer's pass over ``n`` spectra and nothing else.

    All layers over all patches, as the paper has it; with ``backward`` also both products of each gradient and the head over
    hidden patches. Attention counts as its two products of matrices for every head, twice that for its gradient.
    """
    patches, width = config.n_patches, config.width
    hidden = n_hidden(patches, config.mask_share)
    sizes = [(width, 3 * width), (width, width), (width, FEED_FORWARD * width), (FEED_FORWARD * width, width)]
    products = [(n * patches, *size) for size in sizes * config.layers]
    products += [(n * patches, config.patch, width)]
    products += [(n * hidden, width, config.patch)] if backward else []
    inputs = {key: torch.randn(key) for key in {(rows, a) for rows, a, _ in products}}
    outputs = {key: torch.randn(key) for key in {(rows, b) for rows, _, b in products}}
    weights = {key: torch.randn(key) for key in {(a, b) for _, a, b in products}}
    query = torch.randn(n * config.heads, patches, width // config.heads)
    attention = torch.randn(n * config.heads, patches, patches)

    @torch.no_grad()
    def run():
        for rows, a, b in products:
            torch.mm(inputs[rows, a], weights[a, b])
            if backward:
                torch.mm(outputs[rows, b], weights[a, b].t())
                torch.mm(inputs[rows, a].t(), outputs[rows, b])
        for _ in range(config.layers * (3 if backward else 1)):
            torch.bmm(query, query.transpose(1, 2))
            torch.bmm(attention, query)

    return run


def against_products(name, entry, grid, batch):
    """Return the comparison of a training step with its matrix products alone."""
    config = build_transformer(entry, grid).config
    return Comparison(
        AREA,
        name,
        "its matrix products alone, on all patches",
        LIMIT,
        take_steps(entry, grid, batch),
        bare_products(config, len(batch)),
        goal=0.5,
        work=(len(batch), len(batch)),
        unit="s a spectrum",
        note="one thread, float32; the last layer is worked out for hidden patches alone, so a share above 1 is possible",
    )


class Silent:
    """A progress bar that nobody sees."""

    def add(self, *args, **words):
        """Say nothing."""


def factors_against_products(spectra):
    """Return the comparison of an iteration of the default encoder with the four products of matrices in it."""
    entry, _ = entry_of("galspec")
    k, (n, pixels) = entry["components"], spectra.flux.shape
    pairs = k * (k + 1) // 2
    tall, wide = (torch.randn(pixels, pairs + k), torch.randn(n, pairs + k))
    data = torch.from_numpy(spectra.flux)

    def products():
        for columns in (slice(0, pairs), slice(pairs, pairs + k)):
            torch.mm(data, tall[:, columns])
            torch.mm(data.t(), wide[:, columns])

    many = 7  # iterations
    return Comparison(
        AREA,
        "the default encoder: iterations",
        "their matrix products alone",
        LIMIT,
        lambda: find_components(spectra.flux, spectra.ivar, k, many, Silent()),
        lambda: [products() for _ in range(many)],
        goal=0.5,
        work=(n * many, n * many),
        unit="s a spectrum and iteration",
        note=f"{many} iterations and the singular value decomposition that starts them; one thread",
    )


def loading(setting, entry, grid, batch):
    """Return the comparison of a step with reading the spectra of a batch from shards."""
    shards = make_shards(2000, grid, setting.scratch / "training")
    batches = Batches(shards, np.arange(1, 2001, dtype="u8"), len(batch), seed=0, buffer=1000)

    def read():
        for part in batches.epoch(0):
            assert len(part)

    return Comparison(
        AREA,
        "reading batches from shards",
        "a step of the demonstration's encoder",
        PEER,
        read,
        take_steps(entry, grid, batch),
        goal=5,
        work=(batches.steps * len(batch), len(batch)),
        unit="s a spectrum",
        note="reading is done ahead, in a thread of its own: a training waits only where this is below 1",
    )


def against_spender(setting, grid):
    """Return the comparison of learning the default encoder, whole, with one pass of spender over the same spectra."""
    from galspec_core.baselines.spender import build

    entry, wide = entry_of("galspec")
    n = 500 if setting.small else 2000
    shards = make_shards(n, wide, setting.scratch / "factors")
    ids = np.arange(1, n + 1, dtype="u8")
    paths = [setting.scratch / name for name in ("weights.safetensors", "history.csv")]
    torch.manual_seed(0)
    model = build(CONFIG["baselines"]["systems"]["spender"], grid)
    optimiser = torch.optim.AdamW(model.groups(0.0), lr=1e-3)
    batch = make_spectra(16, grid)

    def step():
        loss = model.loss(batch, None)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return Comparison(
        AREA,
        "the default encoder, learnt whole",
        "spender 0.3: one step on each spectrum",
        PEER,
        lambda: fit_factors(entry, {}, wide, shards, ids, ids[:100], setting.scratch, *paths),
        step,
        goal=5,
        work=(n, len(batch)),
        unit="s a spectrum",
        note=f"{entry['iterations']} iterations, noise, population and all, where spender needs many thousands of batches",
    )
