"""Nearest admissible entries of a query: candidates of an index, ranked by exact distances."""

from dataclasses import dataclass

import numpy as np

from galspec_core.errors import SearchError
from galspec_core.search.vectors import BLOCK, blocks, distances_to, rows_of

ROUNDING = 2.0**-24  # of float32, relative
EXTRA = 8  # candidates beyond K: room for the query's own spectra, and for rounding in float32 ranking


@dataclass(frozen=True)
class Neighbours:
    """Neighbours of Q queries, nearest first: ``row`` [Q, K] of the knowledge base and ``distance`` [Q, K] (L2)."""

    row: np.ndarray
    distance: np.ndarray


def nearest(queries, k, candidates, vectors, banned, names, wider=1):
    """Return row and distance [Q, k] of the nearest candidates, asking for more until every query has enough.

    Parameters
    ----------
    queries : ndarray[Q, D]
    k : int
    candidates : function
        Of queries, k, and how wide to look (1, 4, 16 …): rows [Q, A], -1 for none; the number of all there are where
        none was left out, else None; whether they were chosen by products of matrices (see ``certain``).
    vectors : ndarray[N, D]
    banned : list of (ndarray[Q], ndarray[N])
        A row whose value equals the query's is left out.
    names : ndarray[Q]
        For the message.
    wider : int
        How wide to look first.

    Raises
    ------
    SearchError
        There are fewer than ``k`` for a query.
    """
    found, total, by_products = candidates(queries, k, wider)
    rows, distances = ranked(queries, found, vectors, banned)
    enough = np.isfinite(distances).sum(axis=1) >= k
    if total is not None and not enough.all():
        _too_few(names[~enough][0], k, int(np.isfinite(distances[~enough][0]).sum()), total)
    if total is None and by_products:
        enough &= certain(queries, distances, k)
    if enough.all():
        return rows[:, :k], distances[:, :k]
    left = ~enough
    own = [(values[left], entries) for values, entries in banned]
    again = nearest(queries[left], k, candidates, vectors, own, names[left], 4 * wider)
    row, distance = np.empty((len(queries), k), dtype="i8"), np.empty((len(queries), k))
    row[enough], distance[enough] = rows[enough, :k], distances[enough, :k]
    row[left], distance[left] = again
    return row, distance


def certain(queries, distances, k):
    """Return where no entry that was left out can be among the ``k`` nearest: bool[Q].

    Candidates chosen by |x|² + |q|² - 2 xq in float32 may be the wrong ones: each square is off by up to D + 4 roundings of
    (|x| + |q|)², and an entry nearer than the farthest candidate has an |x| of |q| and that distance at most.

    Parameters
    ----------
    queries : ndarray[Q, D]
    distances : ndarray[Q, A]
        Of the candidates, nearest first, exact; infinite ones are passed over.
    k : int
    """
    farthest = np.where(np.isfinite(distances), distances, 0).max(axis=1)
    size = 2 * np.linalg.norm(queries.astype("f8"), axis=1) + farthest
    return farthest**2 - distances[:, k - 1] ** 2 > 2 * (queries.shape[1] + 4) * ROUNDING * size**2


def ranked(queries, rows, vectors, banned=()):
    """Return rows and distances [Q, A], nearest first, ties by row; banned ones and -1 stand last, infinitely far away."""
    distances = distances_to(queries, vectors, rows)
    distances[rows < 0] = np.inf
    for values, entries in banned:
        distances[entries[rows] == values[:, None]] = np.inf
    order = np.lexsort((rows, distances), axis=1)
    line = np.arange(len(rows))[:, None]
    return rows[line, order], distances[line, order]


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
