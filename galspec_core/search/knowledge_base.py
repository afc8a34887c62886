"""Knowledge base: embeddings of labelled spectra and their metadata, searched exactly (paper, section 2.2)."""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.spatial.distance import pdist

from galspec_core.errors import SearchError
from galspec_core.search.index_file import check_index_file

INDEX, METADATA, CONFIG = "index.faiss", "metadata.parquet", "config.json"
EXTRA = 8  # candidates beyond K: room for the query's own spectra, and for rounding in FAISS's float32 ranking
SAMPLE = 2000  # entries whose pairwise distances give the mean and median: 2 million pairs
QUERIES_AT_ONCE = 256  # queries whose candidates' vectors are held at once
AGAIN = "Remove its folder: the workflow builds it anew"
REQUIRED = ("specobjid", "position", "label")


@dataclass(frozen=True)
class Neighbours:
    """Neighbours of Q queries, nearest first: ``row`` [Q, K] of the knowledge base and ``distance`` [Q, K] (L2)."""

    row: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True)
class KnowledgeBase:
    """N entries: a flat L2 index of row numbers, one row of ``metadata`` each, and ``about`` them (facts for people).

    ``about`` holds n, dimension, mean_distance, median_distance, and what the caller added.
    """

    index: faiss.IndexFlatL2
    metadata: pd.DataFrame
    about: dict = field(default_factory=dict)

    @classmethod
    def build(cls, embedding, metadata, seed=0, **facts):
        """Return the knowledge base of ``embedding`` [N, D] and its metadata, row by row.

        Parameters
        ----------
        embedding : ndarray[N, D]
        metadata : DataFrame
            N rows with specobjid, position (uint64), label ('+'-joined), and any other column.
        seed : int
            Draws the sample behind the mean and median distance.
        **facts
            Written to config.json, such as the task and the encoder.

        Raises
        ------
        SearchError
            No entry, metadata that does not fit, or an embedding that is not finite.
        """
        embedding = np.ascontiguousarray(embedding, dtype="f4")
        lacking = [name for name in REQUIRED if name not in metadata]
        if lacking or embedding.ndim != 2 or len(embedding) != len(metadata):
            got = f"{embedding.shape} embeddings, {len(metadata)} rows of metadata, lacking {lacking}"
            raise SearchError("embeddings and metadata do not fit together", got=got)
        if not len(embedding):
            raise SearchError("a knowledge base needs at least one entry")
        _check_finite(embedding, metadata["specobjid"].to_numpy())
        index = faiss.IndexFlatL2(embedding.shape[1])
        index.add(embedding)
        distances = sample_distances(embedding, seed)
        middle = {
            "mean_distance": float(distances.mean()) if len(distances) else None,
            "median_distance": float(np.median(distances)) if len(distances) else None,
        }
        about = {"n": len(embedding), "dimension": embedding.shape[1], "distance": "L2"} | middle | facts
        return cls(index, metadata.reset_index(drop=True), about)

    def __len__(self):
        return self.index.ntotal

    @property
    def vectors(self):
        """Return the embeddings [N, D] as a view of the index."""
        return faiss.rev_swig_ptr(self.index.get_xb(), len(self) * self.index.d).reshape(len(self), self.index.d)

    def unit(self, scale):
        """Return the distance that counts as 1: the median pairwise distance, or 1 for ``scale: paper``.

        Raises
        ------
        SearchError
            No such scale, or all entries are alike.
        """
        median = self.about["median_distance"]
        if scale not in ("median", "paper") or (scale == "median" and not median):
            raise SearchError("no unit of distance", expected="scale median or paper", got=f"{scale}, median {median}")
        return median if scale == "median" else 1.0

    def search(self, queries, k, position=None, specobjid=None, where=None, threads=1):
        """Return the ``k`` nearest admissible entries of each query, exactly, ties by row number.

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
            got = f"{queries.shape[1]} numbers, k = {k}"
            raise SearchError("the query does not fit", expected=f"{self.index.d} numbers and k from 1", got=got)
        _check_finite(queries, names)
        banned = [
            (np.asarray(values, dtype="u8"), self.metadata[name].to_numpy())
            for name, values in (("position", position), ("specobjid", specobjid))
            if values is not None
        ]
        allowed = np.ones(len(self), bool) if where is None else np.asarray(where, dtype=bool)
        faiss.omp_set_num_threads(threads if len(queries) > 1 else 1)
        row = np.empty((len(queries), k), dtype="i8")
        distance = np.empty((len(queries), k), dtype="f8")
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            part = slice(start, start + QUERIES_AT_ONCE)
            own = [(values[part], entries) for values, entries in banned]
            row[part], distance[part] = self._search_part(queries[part], k, own, allowed, names[part])
        return Neighbours(row, distance)

    def _search_part(self, queries, k, banned, allowed, names):
        """Return row and distance [Q, k], asking for more candidates until every query has enough."""
        row = np.full((len(queries), k), -1, dtype="i8")
        distance = np.full((len(queries), k), np.inf)
        total, ask, open_ = int(allowed.sum()), k + EXTRA, np.arange(len(queries))
        while len(open_):
            own = [(values[open_], entries) for values, entries in banned]
            rows, distances = self._candidates(queries[open_], min(ask, total), own, allowed)
            enough = np.isfinite(distances).sum(axis=1) >= k
            if ask >= total and not enough.all():
                _too_few(names[open_[~enough][0]], k, int(np.isfinite(distances[~enough][0]).sum()), total)
            row[open_[enough]], distance[open_[enough]] = rows[enough, :k], distances[enough, :k]
            open_, ask = open_[~enough], 4 * ask
        return row, distance

    def _candidates(self, queries, ask, banned, allowed):
        """Return rows and distances [Q, ask], nearest first; banned entries stand last, at an infinite distance."""
        if ask == 0:
            return np.empty((len(queries), 0), "i8"), np.empty((len(queries), 0))
        rows = self.index.search(queries, ask, params=_only(allowed))[1]
        out = rows < 0  # FAISS's word for none
        for values, entries in banned:
            out |= entries[rows] == values[:, None]
        distances = np.where(out, np.inf, _distances(queries, self.vectors, rows))
        order = np.lexsort((rows, distances), axis=1)
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)

    def save(self, folder):
        """Write index.faiss, metadata.parquet and config.json into ``folder``; an older one is replaced whole."""
        folder = Path(folder)
        temporary, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            faiss.write_index(self.index, str(temporary / INDEX))
            pq.write_table(pa.Table.from_pandas(self.metadata, preserve_index=False), temporary / METADATA)
            (temporary / CONFIG).write_text(json.dumps(self.about, indent=2) + "\n")
            if folder.exists():
                folder.rename(old)
            temporary.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @classmethod
    def load(cls, folder):
        """Return a saved knowledge base; raise SearchError if a file is missing, broken, or does not fit the others."""
        folder = Path(folder)
        try:
            metadata = pq.read_table(folder / METADATA).to_pandas()
            check_index_file(folder / INDEX, len(metadata))
            index = faiss.read_index(str(folder / INDEX))
            about = json.loads((folder / CONFIG).read_text())
            size = about["n"], about["dimension"], "median_distance" in about
        except (OSError, RuntimeError, ValueError, LookupError, TypeError) as error:
            got = f"{type(error).__name__}: {str(error)[:200]}"
            raise SearchError("cannot read the knowledge base", item=folder, got=got, remedy=AGAIN) from None
        if index.ntotal != len(metadata) or size != (index.ntotal, index.d, True):
            got = (
                f"{index.ntotal} vectors of {index.d} numbers, {len(metadata)} rows of metadata, {CONFIG} of {size[:2]}"
            )
            raise SearchError("index and metadata do not fit together", item=folder, got=got, remedy=AGAIN)
        lacking = [name for name in REQUIRED if name not in metadata]
        if lacking or metadata["specobjid"].dtype != np.uint64:
            got = f"without {', '.join(lacking)}" if lacking else f"specobjid as {metadata['specobjid'].dtype}"
            raise SearchError("the metadata cannot be used", item=folder, expected="specobjid as uint64", got=got)
        found = cls(index, metadata, about)
        _check_finite(found.vectors, metadata["specobjid"].to_numpy())
        return found


HNSW_LINKS, HNSW_BUILD, HNSW_SEARCH = (
    32,
    80,
    64,
)  # links of an entry, candidates while building and searching (our choice)


def _hnsw(dimension):
    index = faiss.IndexHNSWFlat(dimension, HNSW_LINKS)
    index.hnsw.efConstruction, index.hnsw.efSearch = HNSW_BUILD, HNSW_SEARCH
    return index


INDEXES = {"flat": faiss.IndexFlatL2, "hnsw": _hnsw}


def build_index(vectors, name):
    """Return an index of vectors [N, D], ``flat`` (exact) or ``hnsw`` (Malkov & Yashunin 2018)."""
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    index = INDEXES[name](vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype="f4"))
    return index


def search_index(index, queries, k):
    """Return rows and distances (L2) [Q, k] of the nearest entries of an index, by one thread."""
    faiss.omp_set_num_threads(1)
    squared, rows = index.search(np.ascontiguousarray(queries, dtype="f4"), k)
    return rows, np.sqrt(np.maximum(squared, 0))


def sample_distances(embedding, seed=0, n=SAMPLE):
    """Return the pairwise distances of up to ``n`` entries of ``embedding`` [N, D], all of them where N <= n."""
    if len(embedding) > n:
        embedding = embedding[np.sort(np.random.default_rng(seed).choice(len(embedding), n, replace=False))]
    return pdist(np.asarray(embedding, dtype="f8"))


def _only(allowed):
    """Return FAISS's parameters for a search among the allowed rows alone, None for all."""
    if allowed.all():
        return None
    return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little")))


def _distances(queries, vectors, rows):
    """Return the L2 distance [Q, K] of queries [Q, D] to the vectors of rows [Q, K], in float64."""
    found = np.stack([((vectors[r].astype("f8") - q) ** 2).sum(axis=1) for q, r in zip(queries, rows, strict=True)])
    return np.sqrt(found)


def _check_finite(vectors, names):
    bad = names[~np.isfinite(vectors).all(axis=1)]
    if len(bad):
        listed = ", ".join(map(str, bad[:5]))
        raise SearchError("an embedding is not finite", item=listed, got=f"{len(bad)} such embeddings")


def _too_few(name, k, found, total):
    raise SearchError(
        "too few entries to choose from",
        item=f"query {name}",
        expected=f"{k} neighbours",
        got=f"{found} of {total} entries, its own position left out",
        remedy="Lower search.top_k, or fill the knowledge base",
    )
