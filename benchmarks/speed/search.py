"""Search: one query against what a thread can read, batches against matrix products, HNSW against Flat, others' indexes."""

import os
import time
from functools import cached_property, lru_cache, partial
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch

from benchmarks.scale_vectors import clustered
from benchmarks.speed import search_peers
from benchmarks.speed.ratio import LIMIT, PEER, Comparison, Measured
from galspec_core.search.knowledge_base import KnowledgeBase, build_index, search_index
from galspec_core.search.timing import PAPER, RECALL_K

DIMENSIONS, SIZES = (64, 768), (10_000, 50_000, 100_000, 500_000)
LARGE = SIZES[-1]
QUERIES, TRIED, TIMED = 1000, 200, 20  # in a batch; single ones that give a recall; timed ones of another's index
READ = 2e9  # bytes that a timed run of single queries reads, so that it takes long enough for the clock
BATCH = 4e11  # operations of a batch
ROWS_AT_ONCE = 8192  # of a product whose result does not fit into memory
CPUS = os.cpu_count() or 1


class Table:
    """``n`` vectors of D numbers, queries like them, and the indexes of them that were asked for."""

    def __init__(self, n, dimension):
        self.queries = clustered(10**9, QUERIES, dimension)
        ids = np.arange(n, dtype="u8")
        entries = pd.DataFrame({"specobjid": ids, "position": ids, "label": "SF"})
        self.base = KnowledgeBase.build(clustered(0, n, dimension), entries, threads=CPUS)
        self.vectors = self.base.vectors
        self.strange = ids[-1] + np.arange(1, QUERIES + 1, dtype="u8")  # positions and specobjids of the queries

    @cached_property
    def truth(self):
        """Return the nearest entries of the first queries, exactly."""
        return self.base.search(self.queries[:TRIED], RECALL_K, threads=CPUS).row

    @cached_property
    def aligned(self):
        """Return the entries at the smallest angle to the first queries, exactly."""
        cosines = self.queries[:TRIED] @ self.vectors.T / np.linalg.norm(self.vectors, axis=1)
        return np.argsort(-cosines, axis=1)[:, :RECALL_K]

    @cached_property
    def hnsw(self):
        """Return our HNSW index and the seconds that it took to build."""
        return took(partial(build_index, self.vectors, "hnsw"))

    def recall(self, search, truth=None):
        """Return the share of the true neighbours that ``search``, of one query, finds, in words."""
        truth = self.truth if truth is None else truth
        found = [np.isin(search(query), true).mean() for query, true in zip(self.queries, truth, strict=False)]
        return f"recall@{RECALL_K} {np.mean(found):.3f}"


@lru_cache(maxsize=1)
def table(n, dimension):
    """Return the Table of a size, made once and let go when another is asked for: 1.5 GB for the largest."""
    return Table(n, dimension)


def took(function):
    """Return what a function returns, and its seconds."""
    start = time.perf_counter()
    return function(), time.perf_counter() - start


def comparisons(setting):
    """Yield every Comparison; what one needs is made when it is first called."""
    if setting.small:
        yield flat_and_reading(200_000, 64)  # more than a processor's cache holds
        yield batch_and_product(50_000, 64, threads=1)
        yield hnsw_and_flat(20_000, 64)
    else:
        yield from all_sizes(setting.scratch)
    table.cache_clear()  # the next area needs the memory and the threads
    torch.set_num_threads(CPUS)


def all_sizes(scratch):
    """Yield what is measured at every size, by dimension."""
    for dimension in DIMENSIONS:
        for n in SIZES:
            if n >= 100_000:
                yield flat_and_reading(n, dimension)
                yield batch_and_product(n, dimension)
            yield hnsw_and_flat(n, dimension)
            if n == 10_000:
                yield flat_and_faiss(n, dimension)
            if n == 100_000:
                yield from peers(n, dimension, scratch)
    yield from paper(LARGE, 768)


def few(n, dimension):
    """Return how many single queries a timed run of an exhaustive search asks."""
    return int(np.clip(READ / (4 * n * dimension), 5, TRIED))


def flat(n, dimension):
    """Ask single queries of the knowledge base, as a vote does."""
    t = table(n, dimension)
    for i in range(few(n, dimension)):
        t.base.search(t.queries[i], RECALL_K, t.strange[i : i + 1], t.strange[i : i + 1])


def read(n, dimension):
    """Read every number of the vectors with one thread, as fast as anything here can: a sum."""
    torch.set_num_threads(1)
    t = table(n, dimension)
    vectors = torch.from_numpy(t.vectors)
    for _ in range(few(n, dimension)):
        vectors.sum()


def hnsw(n, dimension):
    """Ask single queries of our HNSW index."""
    t = table(n, dimension)
    for query in t.queries[:TRIED]:
        search_index(t.hnsw[0], query[None], RECALL_K)


def flat_and_reading(n, dimension):
    """Compare a single query with reading the vectors once."""
    ours, other = (partial(function, n, dimension) for function in (flat, read))
    work = (few(n, dimension), few(n, dimension))
    return Comparison(
        "search", f"Flat, one query, {n:,} × {dimension}", "reading the vectors, one thread", LIMIT, ours, other,
        0.7, work, unit="s a query", note=lambda: rate(n, dimension, other, work[1]),
    )  # fmt: skip


def rate(n, dimension, other, times):
    """Return the read rate in words."""
    start = time.process_time()
    other()
    return f"one thread reads {4e-9 * n * dimension * times / (time.process_time() - start):.0f} GB/s"


def flat_and_faiss(n, dimension):
    """Compare a single query with the same one asked of FAISS itself: what our checks and exact distances cost."""

    def bare():
        t = table(n, dimension)
        for query in t.queries[: few(n, dimension)]:
            search_index(t.base.index, query[None], RECALL_K)

    work = (few(n, dimension), few(n, dimension))
    return Comparison(
        "search", f"Flat, one query, {n:,} × {dimension}", "FAISS alone", PEER, partial(flat, n, dimension), bare,
        work=work, unit="s a query",
    )  # fmt: skip


def batch_and_product(n, dimension, threads=CPUS):
    """Compare a batch of queries with the product of the two matrices."""
    many = int(np.clip(BATCH / (2 * n * dimension), 256, QUERIES))

    def ours():
        t = table(n, dimension)
        asked = slice(many)
        t.base.search(t.queries[asked], RECALL_K, t.strange[asked], t.strange[asked], threads=threads)

    def product():
        t = table(n, dimension)
        torch.set_num_threads(threads)
        queries, vectors = torch.from_numpy(t.queries[:many]), torch.from_numpy(t.vectors)
        for start in range(0, n, ROWS_AT_ONCE):
            queries @ vectors[start : start + ROWS_AT_ONCE].T

    return Comparison(
        "search", f"Flat, {many} queries at once, {n:,} × {dimension}, {threads} threads", "the matrix product (sgemm)",
        LIMIT, ours, product, work=(many, many), clock="cpu" if threads == 1 else "wall", unit="s a query",
    )  # fmt: skip


def hnsw_and_flat(n, dimension):
    """Compare a single query of HNSW with one of Flat; the note tells recall, and from when on building it pays."""

    def note():
        t = table(n, dimension)
        index, seconds = t.hnsw
        found = t.recall(lambda query: search_index(index, query[None], RECALL_K)[0][0])
        saved = took(partial(flat, n, dimension))[1] / few(n, dimension) - took(partial(hnsw, n, dimension))[1] / TRIED
        return f"{found}; built in {seconds:.3g} s, which pays from {seconds / saved:,.0f} single queries on"

    return Comparison(
        "search", f"HNSW, one query, {n:,} × {dimension}", "our Flat", PEER, partial(hnsw, n, dimension),
        partial(flat, n, dimension), 20 if n == LARGE else None, (TRIED, few(n, dimension)), unit="s a query", note=note,
    )  # fmt: skip


def paper(n, dimension):
    """Yield the comparisons with the paper's line, if that is in milliseconds a query."""
    line = (PAPER[0] * n + PAPER[1]) / 1000
    for name, ask, goal in (("Flat", flat, 30), ("HNSW", hnsw, 100)):
        times = TRIED if ask is hnsw else few(n, dimension)
        yield Measured(
            "search", f"{name}, one query, {n:,} × {dimension}", "the paper's line (appendix C, if in ms)", PEER,
            partial(seconds_a_query, partial(ask, n, dimension), times), lambda: line, goal, unit="s a query",
            note="on other hardware",
        )  # fmt: skip


def seconds_a_query(function, times):
    """Return the CPU seconds of one of ``times`` queries."""
    start = time.process_time()
    function()
    return (time.process_time() - start) / times


def peers(n, dimension, scratch):
    """Yield the comparisons with other indexes of the same vectors; HNSW with the same links and candidates."""
    for name in ("hnswlib", "usearch"):
        yield against(name, "", getattr(search_peers, name), n, dimension, "HNSW", hnsw, "cpu")
    exact, indexed = (partial(search_peers.findakin, scratch, index) for index in (False, True))
    yield against("findakin", ", exact", exact, n, dimension, "Flat", flat, "wall")
    yield against("findakin", ", its index", indexed, n, dimension, "HNSW", hnsw, "wall")


def against(package, words, make, n, dimension, name, ask, clock):
    """Compare single queries with those of another's index, which ``make`` returns as a function of one query."""
    made = lru_cache(maxsize=1)(lambda: took(partial(make, table(n, dimension).vectors)))
    times = TRIED if ask is hnsw else few(n, dimension)

    def theirs():
        search = made()[0]
        for query in table(n, dimension).queries[:TIMED]:
            search(query, RECALL_K)

    def note():
        search, seconds = made()
        made.cache_clear()
        t = table(n, dimension)
        found = t.recall(lambda query: search(query, RECALL_K), t.aligned if package == "findakin" else t.truth)
        by_angle = " (by angle)" if package == "findakin" else ""
        return f"theirs: {found}{by_angle}, built in {seconds:.3g} s"

    other = f"{package} {version(package)}{words}"
    return Comparison(
        "search", f"{name}, one query, {n:,} × {dimension}", other, PEER, partial(ask, n, dimension), theirs,
        1.0, (times, TIMED), clock, unit="s a query", note=note,
    )  # fmt: skip
