"""Indexes of others over the same vectors, each as a function of one query [D] and k that returns rows."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa

from galspec_core.search.knowledge_base import HNSW_BUILD, HNSW_LINKS, HNSW_SEARCH

CPUS = os.cpu_count() or 1
ROWS_AT_ONCE = 10_000  # that findakin's tables are given


def hnswlib(vectors):
    """Return the search of hnswlib, with our links and candidates; one thread searches."""
    import hnswlib

    index = hnswlib.Index("l2", vectors.shape[1])
    index.init_index(len(vectors), M=HNSW_LINKS, ef_construction=HNSW_BUILD)
    index.add_items(vectors, num_threads=CPUS)
    index.set_ef(HNSW_SEARCH)
    return lambda query, k: index.knn_query(query, k, num_threads=1)[0][0]


def usearch(vectors):
    """Return the search of usearch, with our links and candidates; one thread searches."""
    from usearch.index import Index

    index = Index(
        ndim=vectors.shape[1],
        metric="l2sq",
        dtype="f32",
        connectivity=HNSW_LINKS,
        expansion_add=HNSW_BUILD,
        expansion_search=HNSW_SEARCH,
    )
    index.add(np.arange(len(vectors)), vectors, threads=CPUS)
    return lambda query, k: np.asarray(index.search(query, k, threads=1).keys)


def findakin(scratch, indexed, vectors):
    """Return findakin's search for neighbours, by angle, in a store of these vectors; exact, or by the index it makes.

    A store has only vectors that its own encoders made, so that these are put into its table.
    """
    os.environ["LANCEDB_LOG"] = "error"  # it warns of every search
    from findakin.store import Store

    n, dimension = vectors.shape
    store = Store.open(Path(scratch) / f"findakin-{n}-{dimension}-{indexed}")
    encoder = store._register_encoder({}, dimension)
    held, spectra = store.table(store.encoder(encoder)["table_name"]), store.spectra_table
    for start in range(0, n, ROWS_AT_ONCE):
        part = vectors[start : start + ROWS_AT_ONCE]
        ids = pa.array([str(row) for row in range(start, start + len(part))])
        numbers = pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), dimension)
        held.add(_table(held.schema, {"id": ids, "vector": numbers}))
        spectra.add(_table(spectra.schema, {"id": ids}))
    if indexed:
        store.create_index(encoder)
    return lambda query, k: store.neighbours(query, k, encoder=encoder)["id"].astype(int).to_numpy()


def _table(schema, columns):
    """Return a table of ``schema``; the columns that are not given are empty."""
    n = len(columns["id"])
    return pa.table([columns.get(field.name, pa.nulls(n, field.type)) for field in schema], schema=schema)
