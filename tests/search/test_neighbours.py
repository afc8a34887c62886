"""The exact pass over vectors in blocks finds what sorting all distances finds."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from galspec_core.search.neighbours import certain, in_blocks, nearest_others, recall


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("k", [1, 7])
def test_nearest_others_are_those_of_all_distances(offset, k):
    vectors = (np.random.default_rng(0).normal(size=(20_000, 6)) + offset).astype("f4")
    rows = np.array([0, 5, 8191, 8192, 19_999])
    distance = cdist(vectors[rows].astype("f8"), vectors.astype("f8"))
    distance[np.arange(len(rows)), rows] = np.inf
    expected = np.argsort(distance, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(nearest_others(vectors, rows, k), expected)


def test_recall_leaves_out_oneself_and_counts_the_first_k():
    truth, own = np.array([[1, 2], [5, 6]]), np.array([0, 9])
    assert recall(np.array([[0, 2, 1], [5, 6, 7]]), truth, own) == 1
    assert recall(np.array([[0, 1, 3], [4, 5, 6]]), truth, own) == 0.5
    assert recall(np.array([[3, 4, 1], [7, 8, 5]]), truth, own) == 0


@pytest.mark.parametrize("ask", [1, 11, 9000])
def test_blocks_give_the_nearest_of_some_rows(ask):
    rng = np.random.default_rng(1)
    vectors, queries = rng.normal(size=(25_000, 4)).astype("f4"), rng.normal(size=(3, 4)).astype("f4")
    rows = np.flatnonzero(rng.random(len(vectors)) < 0.8)

    def compare(queries, near, n):
        distance = cdist(queries, near, "sqeuclidean")
        order = np.argsort(distance, axis=1)[:, :n]
        return np.take_along_axis(distance, order, axis=1), order

    found = in_blocks(compare, queries, vectors, rows, ask)
    expected = rows[np.argsort(cdist(queries, vectors[rows]), axis=1)[:, :ask]]
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(expected, axis=1))


def test_far_from_the_origin_products_decide_nothing():
    """At 1000 float32 squares are 0.06 apart, so that 0.1 between squared distances is lost; at the origin 1e-4 is not."""
    distances = np.sqrt([[1.0, 2.0, 2.1], [1.0, 2.0, np.inf]])
    far, near = np.full((2, 1), 1000, dtype="f4"), np.zeros((2, 1), dtype="f4")
    assert certain(near, distances, 1).tolist() == [True, True]
    assert certain(near, distances, 2).tolist() == [True, False]  # the last one found may hide another
    assert not certain(far, distances, 2).any()


@pytest.mark.parametrize("dimension", [4, 300])
def test_what_is_certain_is_right(dimension):
    """Candidates by float32 products around a point ever farther away: those that are certain are the true ones."""
    rng = np.random.default_rng(0)
    for offset in (0, 10, 100, 1000):
        vectors = (rng.normal(size=(400, dimension)) + offset).astype("f4")
        queries = (rng.normal(size=(50, dimension)) + offset).astype("f4")
        squares = (vectors**2).sum(axis=1) + (queries**2).sum(axis=1)[:, None] - 2 * queries @ vectors.T
        chosen = np.argsort(squares, axis=1)[:, :6]
        exact = cdist(queries.astype("f8"), vectors.astype("f8"))
        distances = np.sort(np.take_along_axis(exact, chosen, axis=1), axis=1)
        sure = certain(queries, distances, 3)
        assert (distances[sure, :3] == np.sort(exact, axis=1)[sure, :3]).all()
        assert sure.any() == (offset < 100) or dimension == 4
