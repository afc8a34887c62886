"""Knowledge base: embeddings of labelled spectra and their metadata, searched by nearness (paper, section 2.2).

Small ones lie whole in memory and are searched exactly. Large ones (see ``IndexSettings``) keep their vectors in a file:
a compressed index names candidates, which are ranked by exact distances from that file. What is found then has the same
distance and weight as in an exact search; only whether all of the nearest are found is approximate, and measured.
"""

import json
import os
import shutil
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import faiss
import numpy as np
import pandas as pd

from galspec_core.errors import DamagedError, SearchError
from galspec_core.files import read_frame, write_frame
from galspec_core.log import Progress, logger
from galspec_core.search.complaints import AGAIN, ALIKE, ANOTHER_ENCODER
from galspec_core.search.index_file import check_entries, check_index_file, check_parts
from galspec_core.search.indexing import FLAT, IVF
from galspec_core.search.neighbours import EXTRA, Neighbours, in_blocks, nearest, nearest_others, recall
from galspec_core.search.vectors import blocks, check_finite, open_vectors, rows_of, some_rows, spread, write_vectors

INDEX, METADATA, CONFIG, VECTORS = "index.faiss", "metadata.parquet", "config.json", "vectors.npy"
AT_ONCE, FROM_DISK = 4096, 256  # queries that share a pass over the entries; whose candidates' pages are held
CODE = "RaBitQ"  # what a compressed index keeps of a vector (benchmarks/scale.md)
RANKED = 16  # its candidates for each that an exact one is asked for
FEW = 10_000  # admissible entries up to which it is passed over, and all of them are compared
MANY = 10  # queries from which products of matrices are faster than differences, and copied entries than a selector
ALWAYS, NEVER, USUAL = 1, 2**31 - 1, faiss.cvar.distance_compute_blas_threshold  # Q x D from which FAISS uses these
PER_CELL, MOST_CELLS, ROUNDS = 39, 4096, 10  # sample that learns a cell, cells, rounds of k-means (our choice)
PROBES, TRIED, RECALL_K = 8, 200, 10  # probes to begin with; entries whose nearest are looked for
HNSW_LINKS, HNSW_BUILD, HNSW_SEARCH = 32, 80, 64  # links, candidates while building and searching (our choice)


@dataclass(frozen=True)
class KnowledgeBase:
    """N entries: an L2 index of row numbers, one row of ``metadata`` each, and ``about`` them (facts for people).

    ``about`` holds n, dimension, mean_distance, median_distance, index, and what the caller added; for a compressed index
    also its cells, how many of them a search probes, and the recall measured with that. ``stored`` are then the embeddings
    [N, D], mapped from a file once saved; None where the index itself holds them.
    """

    index: faiss.Index
    metadata: pd.DataFrame
    about: dict = field(default_factory=dict)
    stored: np.ndarray | None = None

    @classmethod
    def build(cls, embedding, metadata, seed=0, index=FLAT, least=0.99, threads=1, **facts):
        """Return the knowledge base of ``embedding`` [N, D] and its metadata, row by row.

        Parameters
        ----------
        embedding : ndarray[N, D]
            May be mapped from a file; a flat index copies it into memory.
        metadata : DataFrame
            N rows with specobjid, position (uint64), label ('+'-joined), and any other column.
        seed : int
            Draws the sample behind the mean and median distance, and those that a compressed index learns and is tried on.
        index : str
            ``flat`` or ``ivf``.
        least : float
            Share of the true neighbours that a compressed index must find.
        threads : int
            FAISS's threads.
        **facts
            Written to config.json, such as the task and the encoder.

        Raises
        ------
        SearchError
            No entry, metadata that does not fit, or an embedding that is not finite.
        """
        embedding = embedding if isinstance(embedding, np.memmap) else np.ascontiguousarray(embedding, dtype="f4")
        check_entries(embedding, metadata)
        about = {"n": len(embedding), "dimension": embedding.shape[1], "distance": "L2"}
        about |= spread(embedding, seed) | {"index": index} | facts
        faiss.omp_set_num_threads(threads)
        made, metadata = INDEXES[index](embedding, seed), metadata.reset_index(drop=True)
        if index != IVF:
            return cls(made, metadata, about)
        return cls(made, metadata, about | {"cells": made.nlist, "probes": 1}, embedding)._tuned(least, seed, threads)

    def __len__(self):
        return self.index.ntotal

    @cached_property
    def vectors(self):
        """Return the embeddings [N, D]: a view of the index, or those on disk."""
        if self.stored is not None:
            return self.stored
        return faiss.rev_swig_ptr(self.index.get_xb(), len(self) * self.index.d).reshape(len(self), self.index.d)

    @cached_property
    def _names(self):
        """Return what can ban an entry, as arrays: to take a column out of a table is slower than to search a small index."""
        return {name: self.metadata[name].to_numpy() for name in ("position", "specobjid")}

    def unit(self, scale):
        """Return the distance that counts as 1: the median pairwise distance, or 1 for ``scale: paper``.

        Raises
        ------
        SearchError
            No such scale, or all entries are alike.
        """
        median = self.about["median_distance"]
        if scale not in ("median", "paper") or (scale == "median" and not median):
            raise SearchError("no unit of distance", expected="median or paper", got=f"{scale}, {median}", remedy=ALIKE)
        return median if scale == "median" else 1.0

    def search(self, queries, k, position=None, specobjid=None, where=None, threads=1):
        """Return the ``k`` nearest admissible entries of each query, ties by row number; see above where not exactly.

        Never a query itself, never its own position on the sky. Distances are computed anew in float64 from the
        vectors, so that they do not depend on how many queries share a batch.

        Parameters
        ----------
        queries : ndarray[Q, D]
        k : int
        position, specobjid : ndarray[Q] uint64, optional
            Entries with the same value as their query are left out.
        where : ndarray[N] bool, optional
            Entries that may be found: the same as a smaller knowledge base of these alone.
        threads : int
            FAISS's threads for several queries; a single one always takes one.

        Raises
        ------
        SearchError
            A query is not finite or of another length, or fewer than ``k`` entries are admissible for it.
        """
        queries = np.ascontiguousarray(np.atleast_2d(queries), dtype="f4")
        names = np.arange(len(queries)) if specobjid is None else np.asarray(specobjid, dtype="u8")
        if queries.shape[1] != self.index.d or k < 1:
            expected, got = f"{self.index.d} numbers and k from 1", f"{queries.shape[1]} numbers, k = {k}"
            raise SearchError("the query does not fit", expected=expected, got=got, remedy=ANOTHER_ENCODER)
        check_finite(queries, names)
        asked = {"position": position, "specobjid": specobjid}
        banned = [(np.asarray(own, dtype="u8"), self._names[name]) for name, own in asked.items() if own is not None]
        candidates = self._candidates(where, threads)
        row, distance = np.empty((len(queries), k), dtype="i8"), np.empty((len(queries), k), dtype="f8")
        at_once = AT_ONCE if self.stored is None else FROM_DISK
        for start in range(0, len(queries), at_once):
            part = slice(start, start + at_once)
            own = [(values[part], entries) for values, entries in banned]
            row[part], distance[part] = nearest(queries[part], k, candidates, self.vectors, own, names[part])
        return Neighbours(row, distance)

    def _candidates(self, where, threads):
        """Return the function that gives ``nearest`` its candidates among the entries ``where``, or among all of them."""
        rows, chosen = None, {}
        if where is not None and not np.all(where):
            rows = np.flatnonzero(where)
            chosen["sel"] = faiss.IDSelectorBitmap(np.packbits(np.asarray(where, dtype=bool), bitorder="little"))
        total = len(self) if rows is None else len(rows)
        if self.stored is not None and total > FEW:
            return partial(_from_cells, self, total, chosen, threads)
        return partial(_from_all, self, rows, total, chosen, threads)

    def _tuned(self, least, seed, threads):
        """Return it with as many probes as it takes to find the share ``least`` of the neighbours of some entries."""
        rows, k = some_rows(len(self), TRIED, seed), min(RECALL_K, len(self) - 1)
        if k == 0:
            return self
        queries, truth, probes = rows_of(self.stored, rows), nearest_others(self.stored, rows, k), PROBES
        while True:
            probes = min(probes, self.index.nlist)
            base = replace(self, about=self.about | {"probes": probes})
            found = recall(base.search(queries, k + 1, threads=threads).row, truth, rows)
            if found >= least or probes == self.index.nlist:
                break
            probes *= 2
        words = (self.index.nlist, probes, found, k, len(rows))
        logger.info("ivf: %d cells, %d of them probed; recall %.4f of the %d nearest, tried on %d entries", *words)
        return replace(base, about=base.about | {"recall": found, "recall_k": k, "recall_entries": len(rows)})

    def save(self, folder):
        """Write index.faiss, metadata.parquet and config.json into ``folder``; an older one is replaced whole.

        Vectors that the index does not hold are written beside it, without a copy where they are on the same disk.
        """
        folder = Path(folder)
        temporary, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            faiss.write_index(self.index, str(temporary / INDEX))
            write_frame(self.metadata, temporary / METADATA)
            about = dict(self.about)
            if self.stored is not None:
                write_vectors(self.stored, temporary / VECTORS)
                about["index_bytes"] = (temporary / INDEX).stat().st_size
            (temporary / CONFIG).write_text(json.dumps(about, indent=2) + "\n")
            if folder.exists():
                folder.rename(old)
            temporary.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @classmethod
    def load(cls, folder, columns=None):
        """Return a saved knowledge base; raise SearchError if a file is missing, broken, or does not fit the others.

        Its metadata hold only ``columns`` where these are given. The vectors of a compressed index stay on disk, mapped.
        """
        folder = Path(folder)
        try:
            metadata = read_frame(folder / METADATA, columns)
            about = json.loads((folder / CONFIG).read_text())
            on_disk, shape = about.get("index", FLAT) == IVF, (about["n"], about["dimension"])
            check_index_file(folder / INDEX, len(metadata), about.pop("index_bytes") if on_disk else None)
            faiss.set_deserialization_vector_byte_limit((folder / INDEX).stat().st_size)
            index = faiss.read_index(str(folder / INDEX))
        except (DamagedError, OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            got = f"{type(error).__name__}: {str(error)[:200]}"
            raise SearchError("cannot read the knowledge base", item=folder, got=got, remedy=AGAIN) from None
        check_parts(folder, (index.ntotal, index.d), metadata, about)
        found = cls(index, metadata, about, open_vectors(folder / VECTORS, shape) if on_disk else None)
        if not on_disk:  # those on disk were looked at when they were written
            check_finite(found.vectors, metadata["specobjid"].to_numpy())
        return found


def _from_all(base, rows, total, chosen, threads, queries, k, wider):
    """Compare with every entry, or with every one of ``rows``: a rare class is never missed for an approximation."""
    # Many at once by products of matrices; those that this leaves uncertain ask again, by differences like a single one.
    ask, products = min((k + EXTRA) * wider, total), wider == 1 and len(queries) >= MANY
    if ask == 0:
        return np.empty((len(queries), 0), dtype="i8"), 0, False
    faiss.omp_set_num_threads(threads if products else min(threads, len(queries)))  # idle ones would use products
    faiss.cvar.distance_compute_blas_threshold = ALWAYS if products else NEVER
    try:
        if base.stored is not None or (rows is not None and len(queries) >= MANY):
            found = in_blocks(faiss.knn, queries, base.vectors, np.arange(total) if rows is None else rows, ask)
        else:
            found = base.index.search(queries, ask, params=faiss.SearchParameters(**chosen) if chosen else None)[1]
    finally:
        faiss.cvar.distance_compute_blas_threshold = USUAL
    return found, total if ask == total else None, products


def _from_cells(base, total, chosen, threads, queries, k, wider):
    index = base.index
    ask, probes = min(RANKED * (k + EXTRA) * wider, total), min(base.about["probes"] * wider, index.nlist)
    faiss.omp_set_num_threads(min(threads, len(queries)))
    found = index.search(queries, ask, params=faiss.SearchParametersIVF(nprobe=probes, **chosen))[1]
    return found, total if ask == total and probes == index.nlist else None, False


def _flat(vectors, seed=0):
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype="f4"))
    return index


def _ivf(vectors, seed=0):
    """Return the compressed index: cells of the nearest k-means centre, learnt from a sample, in each CODE per vector."""
    n, dimension = vectors.shape
    cells = int(np.clip(2 ** np.round(np.log2(np.sqrt(n))), 1, min(MOST_CELLS, max(1, n // PER_CELL))))
    index = faiss.index_factory(dimension, f"IVF{cells},{CODE}")
    index.cp.seed, index.cp.niter = seed + 1, ROUNDS
    index.train(rows_of(vectors, some_rows(n, PER_CELL * cells, seed)))
    progress = Progress("search: index", n, "entries")
    for _, block in blocks(vectors):
        index.add(np.ascontiguousarray(block))
        progress.add(len(block))
    return index


def _hnsw(vectors, seed=0):
    """Return the index of Malkov & Yashunin (2018): links to near vectors."""
    index = faiss.IndexHNSWFlat(vectors.shape[1], HNSW_LINKS)
    index.hnsw.efConstruction, index.hnsw.efSearch = HNSW_BUILD, HNSW_SEARCH
    index.add(np.ascontiguousarray(vectors, dtype="f4"))
    return index


INDEXES = {FLAT: _flat, IVF: _ivf, "hnsw": _hnsw}


def build_index(vectors, name):
    """Return an index of vectors [N, D]: ``flat`` (exact), ``ivf`` or ``hnsw``."""
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    return INDEXES[name](vectors)


def search_index(index, queries, k):
    """Return rows and distances (L2) [Q, k] of the nearest entries of an index: one query by one thread, several by all."""
    faiss.omp_set_num_threads(1 if len(queries) == 1 else os.cpu_count() or 1)
    squared, rows = index.search(np.ascontiguousarray(queries, dtype="f4"), k)
    return rows, np.sqrt(np.maximum(squared, 0))
