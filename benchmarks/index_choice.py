"""Which compressed index a knowledge base beyond memory should have: size, CPU times and recall of four, measured alike.

python -m benchmarks.index_choice [--n 200000] [--dimension 768] [--out benchmarks/index_choice.csv]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
import pandas as pd

from benchmarks.scale_vectors import clustered

NAMES = {  # FAISS's words: cells of the nearest k-means centre, and what is kept of a vector in them
    "ivf, 1 bit a number": "IVF{cells},RaBitQ",
    "ivf, 8 bits a number": "IVF{cells},SQ8",
    "ivf, 4 bits a number": "IVF{cells},SQ4",
    "hnsw, 8 bits a number": "HNSW32,SQ8",
}
K, QUERIES, PER_CELL = 10, 200, 39
CANDIDATES = (10, 80, 320)  # fetched from the index, then ranked by exact distances
EFFORT = (8, 32)  # cells looked into, or links followed x 4


def main():
    """Measure every index on one set of vectors and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/index_choice.csv"))
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    vectors = clustered(0, options.n, options.dimension)
    queries = clustered(10**9, QUERIES, options.dimension)
    truth = faiss.knn(queries, vectors, K)[1]
    rows = []
    for name, words in NAMES.items():
        rows += measure(name, words, vectors, queries, truth)
        pd.DataFrame(rows).to_csv(options.out, index=False)
        print(pd.DataFrame(rows[-len(EFFORT) * len(CANDIDATES) :]).to_string(), flush=True)


def measure(name, words, vectors, queries, truth):
    """Return rows of one index: bytes an entry, CPU seconds to build, and for each effort recall and time of a query."""
    n, dimension = vectors.shape
    cells = int(2 ** np.round(np.log2(np.sqrt(n))))
    index = faiss.index_factory(dimension, words.format(cells=cells))
    start = time.process_time()
    index.train(vectors[:: max(1, n // (PER_CELL * cells))])
    index.add(vectors)
    built = time.process_time() - start
    with tempfile.NamedTemporaryFile() as file:
        faiss.write_index(index, file.name)
        size = os.path.getsize(file.name) / n
    return [
        {"index": name, "n": n, "dimension": dimension, "bytes_per_entry": round(size), "build_cpu_s": round(built, 1)}
        | search(index, vectors, queries, truth, effort, ask)
        for effort in EFFORT
        for ask in CANDIDATES
    ]


def search(index, vectors, queries, truth, effort, ask):
    """Return recall of the K nearest, by the index alone and after exact ranking, and CPU ms a query, one thread."""
    if hasattr(index, "nprobe"):
        index.nprobe = effort
    else:
        index.hnsw.efSearch = max(4 * effort, ask)
    start = time.process_time()
    found = np.vstack([rank(index.search(query[None], ask)[1][0], query, vectors) for query in queries])
    took = (time.process_time() - start) / len(queries)
    alone = index.search(queries, K)[1]
    return {
        "effort": effort,
        "candidates": ask,
        "recall_alone": recall(alone, truth),
        "recall_ranked": recall(found, truth),
        "cpu_ms_per_query": round(1000 * took, 3),
    }


def rank(rows, query, vectors):
    """Return the K rows nearest to a query by exact distance; -1 where there are fewer."""
    rows = rows[rows >= 0]
    order = np.argsort(((vectors[rows].astype("f8") - query) ** 2).sum(axis=1))[:K]
    return np.pad(rows[order], (0, K - len(order)), constant_values=-1)


def recall(found, truth):
    """Return the share of the true neighbours that were found."""
    return round(float(np.mean([np.isin(t, f).mean() for f, t in zip(found, truth, strict=True)])), 4)


if __name__ == "__main__":
    main()
