"""The vectors that are timed are like real ones, and the indexes find them."""

import numpy as np
import pytest

from galspec_core.search.knowledge_base import build_index, search_index
from galspec_core.search.timing import COLUMNS, JITTER, fit_line, jittered, searcher, time_search

RNG = np.random.default_rng(0)
REAL = (RNG.standard_normal((300, 2)) @ RNG.standard_normal((2, 16)) + 0.05 * RNG.standard_normal((300, 16))).astype(
    "f4"
)


def test_a_copy_stays_nearest_to_its_original():
    copies = jittered(REAL, 1000, seed=1)
    rows, distance = search_index(build_index(REAL, "flat"), copies, 2)
    assert (distance[:, 0] < distance[:, 1]).all()
    assert np.median(distance[:, 0] / distance[:, 1]) < 0.6
    assert len(set(rows[:, 0])) > 250


def test_flat_search_is_numpys():
    rows, distance = search_index(build_index(REAL, "flat"), REAL[:5], 4)
    exact = np.linalg.norm(REAL[:5, None].astype("f8") - REAL, axis=2)
    assert np.array_equal(rows, np.argsort(exact, axis=1)[:, :4])
    assert np.allclose(distance, np.sort(exact, axis=1)[:, :4], atol=2e-3)


@pytest.mark.parametrize("name", ["flat", "hnsw"])
def test_what_is_timed_finds_an_entry_itself(name):
    ask = searcher(REAL, name, 1)
    assert [ask(vector)[0] for vector in REAL[:20]] == list(range(20))


def test_every_size_and_index_is_timed_and_hnsw_finds_what_flat_finds():
    table = time_search(REAL, REAL[:5], [500, 2000], ["flat", "hnsw"], repeats=2)
    assert list(table.columns) == COLUMNS
    assert table[["index", "n"]].to_numpy().tolist() == [["flat", 500], ["hnsw", 500], ["flat", 2000], ["hnsw", 2000]]
    assert (table["ms_per_query"] > 0).all()
    assert (table.loc[table["index"] == "flat", "recall_at_3"] == 1).all()
    assert (table["recall_at_3"] > 0.9).all()


def test_the_line_through_points_on_a_line_is_that_line():
    n = np.array([1e3, 1e4, 1e5])
    assert fit_line(n, 0.0058 * n + 0.049) == pytest.approx((0.0058, 0.049), rel=1e-6)


def test_a_copy_leaves_its_original_by_the_stated_share_of_the_way_to_its_neighbour():
    """Corners of a cube are all one edge apart, so that a copy's original is the corner that it rounds to."""
    corners = 10 * np.array(np.meshgrid(*[[0, 1]] * 8)).reshape(8, -1).T.astype("f4")
    before = corners.copy()
    copies = jittered(corners, 3000, seed=0)
    apart = np.linalg.norm(copies - 10 * np.round(copies / 10), axis=1)
    assert np.sqrt((apart**2).mean()) == pytest.approx(JITTER * 10, rel=0.03)
    nearest = search_index(build_index(corners, "flat"), copies, 1)[1][:, 0]
    assert np.allclose(nearest, apart, atol=1e-2)
    assert np.array_equal(corners, before)


def test_the_seed_decides_where_copies_lie():
    first, again, other = (jittered(REAL, 40, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_hnsw_finds_nearly_all_neighbours_among_clusters():
    rng = np.random.default_rng(2)
    centres = 3 * rng.standard_normal((20, 16))
    vectors = (centres[rng.integers(20, size=2100)] + rng.standard_normal((2100, 16))).astype("f4")
    flat, hnsw = (search_index(build_index(vectors[:2000], n), vectors[2000:], 3)[0] for n in ("flat", "hnsw"))
    assert np.mean([len(set(a) & set(b)) / 3 for a, b in zip(flat, hnsw, strict=True)]) > 0.9


def test_points_count_by_their_relative_error():
    """Weighted least squares by the normal equations: residuals over the measured time."""
    n, ms = np.array([1.0, 2.0, 3.0, 100.0]), np.array([1.1, 1.9, 3.2, 90.0])
    design = np.stack([n, np.ones(4)], axis=1) / ms[:, None]
    assert fit_line(n, ms) == pytest.approx(np.linalg.solve(design.T @ design, design.T @ np.ones(4)))
