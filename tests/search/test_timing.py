"""The vectors that are timed are like real ones, and the indexes find them."""

import numpy as np
import pytest

from galspec_core.search.knowledge_base import build_index, search_index
from galspec_core.search.timing import COLUMNS, fit_line, jittered, time_search

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
