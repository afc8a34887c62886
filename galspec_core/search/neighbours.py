"""Nearest admissible entries of a query: candidates of an index, ranked by exact distances."""

from dataclasses import dataclass

import numpy as np

from galspec_core.errors import SearchError
from galspec_core.search.vectors import BLOCK, blocks, distances_to, rows_of

EXTRA = 8  # candidates beyond K: room for the query's own spectra, and for rounding in float32 ranking


@dataclass(frozen=True)
class Neighbours:
    """Neighbours of Q queries, nearest first: ``row`` [Q, K] of the knowledge base and ``distance`` [Q, K] (L2)."""

    row: np.ndarray
    distance: np.ndarray


def nearest(queries, k, candidates, vectors, banned, names):
    """Return row and distance [Q, k] of the nearest candidates, asking for more until every query has enough.

    Parameters
    ----------
    queries : ndarray[Q, D]
    k : int
    candidates : function
        Of queries, k, and how wide to look (1, 4, 16 …): rows [Q, A], -1 for none, and the number of all there are where
        none was left out, else None.
    vectors : ndarray[N, D]
    banned : list of (ndarray[Q], ndarray[N])
        A row whose value equals the query's is left out.
    names : ndarray[Q]
        For the message.

    Raises
    ------
    SearchError
        There are fewer than ``k`` for a query.
    """
    row = np.full((len(queries), k), -1, dtype="i8")
    distance = np.full((len(queries), k), np.inf)
    wider, open_ = 1, np.arange(len(queries))
    while len(open_):
        own = [(values[open_], entries) for values, entries in banned]
        found, total = candidates(queries[open_], k, wider)
        rows, distances = ranked(queries[open_], found, vectors, own)
        enough = np.isfinite(distances).sum(axis=1) >= k
        if total is not None and not enough.all():
            _too_few(names[open_[~enough][0]], k, int(np.isfinite(distances[~enough][0]).sum()), total)
        if enough.any():
            row[open_[enough]], distance[open_[enough]] = rows[enough, :k], distances[enough, :k]
        open_, wider = open_[~enough], 4 * wider
    return row, distance


def ranked(queries, rows, vectors, banned=()):
    """Return rows and distances [Q, A], nearest first, ties by row; banned ones and -1 stand last, infinitely far away."""
    out = rows < 0
    for values, entries in banned:
        out |= entries[rows] == values[:, None]
    distances = np.where(out, np.inf, distances_to(queries, vectors, rows))
    order = np.lexsort((rows, distances), axis=1)
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)


def _too_few(name, k, found, total):
    raise SearchError(
        "too few entries to choose from",
        item=f"query {name}",
        expected=f"{k} neighbours",
        got=f"{found} of {total} entries, its own position left out",
        remedy="Lower search.top_k, or fill the knowledge base",
    )


def in_blocks(compare, queries, vectors, rows, ask):
    """Return the ``ask`` nearest of ``rows`` to each query: rows [Q, A], unordered, A <= ask.

    Each block of them is copied and compared whole by ``compare`` (queries, vectors, number: squared distances and places):
    for many queries ten times faster than an index that asks of each entry whether it is allowed.
    """
    near, best = np.empty((len(queries), 0), dtype="f4"), np.empty((len(queries), 0), dtype="i8")
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        distance, place = compare(queries, np.ascontiguousarray(rows_of(vectors, part)), min(ask, len(part)))
        near, best = np.hstack([near, distance]), np.hstack([best, part[place]])
        first = np.argpartition(near, min(ask, near.shape[1]) - 1, axis=1)[:, :ask]
        near, best = np.take_along_axis(near, first, axis=1), np.take_along_axis(best, first, axis=1)
    return best


def nearest_others(vectors, rows, k):
    """Return the ``k`` nearest of all vectors [N, D] to each of ``rows`` [R], itself left out: rows [R, k], exactly.

    One pass over the vectors, in blocks; candidates by float32, the last word by float64.
    """
    queries = rows_of(vectors, rows)
    middle = queries.mean(axis=0)
    ask = min(k + EXTRA, len(vectors) - 1)
    best, near = np.full((len(rows), ask), -1, dtype="i8"), np.full((len(rows), ask), np.inf, dtype="f4")
    for start, block in blocks(vectors):
        moved = block - middle
        squares = np.einsum("nd,nd->n", moved, moved) - 2 * (queries - middle) @ moved.T
        inside = (rows >= start) & (rows < start + len(block))
        squares[np.flatnonzero(inside), rows[inside] - start] = np.inf
        both = np.hstack([near, squares])
        numbers = np.hstack([best, np.broadcast_to(start + np.arange(len(block)), squares.shape)])
        first = np.argpartition(both, ask - 1, axis=1)[:, :ask] if ask else np.empty((len(rows), 0), dtype="i8")
        near, best = np.take_along_axis(both, first, axis=1), np.take_along_axis(numbers, first, axis=1)
    return ranked(queries, best, vectors)[0][:, :k]


def recall(found, truth, own):
    """Return the share of the true neighbours [R, k] among the first k ``found`` [R, k + 1] that are not ``own`` [R]."""
    k = truth.shape[1]
    pairs = zip(truth, found, own, strict=True)
    return float(np.mean([np.isin(true, rows[rows != row][:k]).mean() for true, rows, row in pairs]))
