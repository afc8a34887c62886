"""How long a search takes: exact (Flat) and approximate (HNSW) indexes of growing size (paper, appendix C)."""

import time

import numpy as np
import pandas as pd

from galspec_core.log import Progress
from galspec_core.search.indexing import FLAT
from galspec_core.search.knowledge_base import KnowledgeBase, build_index, search_index
from galspec_core.search.vectors import some_rows

JITTER = 0.3  # of the distance to the nearest neighbour: copies stay in the neighbourhood of their original
PAPER = (0.0058, 0.0490)  # slope and offset of the paper's line; ms a query is the likely unit (appendix C)
RECALL_K = 3
ROWS_AT_ONCE = 8192  # vectors moved at once
COLUMNS = ["index", "n", "ms_per_query", "recall_at_3", "build_seconds", "dimension"]


def jittered(vectors, n, seed):
    """Return ``n`` vectors [n, D]: copies of real ones, moved at random by a share of their nearest neighbour's distance.

    Random vectors would say nothing of HNSW, which lives on neighbourhoods; real ones alone are too few.
    """
    rng = np.random.default_rng(seed)
    vectors = np.asarray(vectors[some_rows(len(vectors), n, seed)])  # a knowledge base may be larger than memory
    some = vectors[rng.choice(len(vectors), min(len(vectors), 500), replace=False)]
    nearest = search_index(build_index(vectors, "flat"), some, 2)[1][:, 1]
    scale = JITTER * np.median(nearest) / np.sqrt(vectors.shape[1])
    copies = vectors[rng.integers(len(vectors), size=n)]
    for start in range(0, n, ROWS_AT_ONCE):
        part = copies[start : start + ROWS_AT_ONCE]
        part += np.float32(scale) * rng.standard_normal(part.shape, dtype="f4")
    return copies


def time_search(vectors, queries, sizes, indexes, repeats, k=RECALL_K, seed=0):
    """Return the time of single queries, one thread, as a table with COLUMNS.

    Parameters
    ----------
    vectors : ndarray[N, D]
        Real embeddings, jittered to each size.
    queries : ndarray[Q, D]
        Test spectra.
    sizes : list of int
    indexes : list of str
        ``flat`` and others of ``knowledge_base.INDEXES``.
    repeats : int
        Searches for each query; the median over all is given.
    """
    rows, progress = [], Progress("search: time", len(sizes) * len(indexes), "indexes")
    everything = jittered(vectors, max(sizes), seed)
    for n in sizes:
        truth = search_index(build_index(everything[:n], "flat"), queries, k)[0]
        for name in indexes:
            start = time.perf_counter()
            ask = searcher(everything[:n], name, k)
            built = time.perf_counter() - start
            found = np.stack([ask(query) for query in queries])
            recall = np.mean([len(set(a) & set(b)) / k for a, b in zip(found, truth, strict=True)])
            rows.append([name, n, _median_ms(ask, queries, repeats), recall, built, vectors.shape[1]])
            progress.add()
    return pd.DataFrame(rows, columns=COLUMNS)


def searcher(vectors, name, k):
    """Return the function that finds the ``k`` nearest of vectors [N, D] to a query [D]: rows [k].

    ``flat`` is a knowledge base, asked as a vote asks it: what it checks and its exact distances are part of the time.
    """
    if name != FLAT:
        index = build_index(vectors, name)
        return lambda query: search_index(index, query[None], k)[0][0]
    ids = np.arange(len(vectors), dtype="u8")
    base = KnowledgeBase.build(vectors, pd.DataFrame({"specobjid": ids, "position": ids, "label": ""}))
    strange = ids[-1:] + np.uint64(1)
    return lambda query: base.search(query, k, strange, strange).row[0]


def _median_ms(ask, queries, repeats):
    times = []
    for _ in range(repeats):
        for query in queries:
            start = time.perf_counter()
            ask(query)
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def fit_line(n, ms):
    """Return (slope, offset) of the line through search times; each point counts by its relative error."""
    return tuple(np.polyfit(n, ms, 1, w=1 / np.maximum(ms, 1e-9)))
