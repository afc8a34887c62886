"""Searches that are timed are searches that are right."""

import numpy as np
import pytest

from galspec_core.search.knowledge_base import build_index, search_index
from galspec_core.search.timing import COLUMNS, JITTER, fit_line, jittered, time_search


def clustered(n, d=16, clusters=20, seed=0):
    """Return n vectors [n, d] around some centres."""
    rng = np.random.default_rng(seed)
    return (3 * rng.normal(size=(clusters, d))[rng.integers(clusters, size=n)] + rng.normal(size=(n, d))).astype("f4")


def distances(a, b):
    """Return the distances [n, m] of a [n, D] to b [m, D], by plain numpy."""
    return np.linalg.norm(a[:, None].astype("f8") - b[None].astype("f8"), axis=2)


def test_a_copy_stays_nearest_to_its_original():
    """Corners of a cube are all one edge apart: a copy leaves its corner by about JITTER of that."""
    corners = 10 * np.array(np.meshgrid(*[[0, 1]] * 8)).reshape(8, -1).T.astype("f4")
    before = corners.copy()
    copies = jittered(corners, 3000, seed=0)
    apart = np.sort(distances(copies, corners), axis=1)
    assert copies.shape == (3000, 8)
    assert (apart[:, 0] > 0).all()
    assert np.sqrt((apart[:, 0] ** 2).mean()) == pytest.approx(JITTER * 10, rel=0.03)
    assert (apart[:, 0] < apart[:, 1]).all()
    assert len(np.unique(distances(copies, corners).argmin(axis=1))) == len(corners)  # every original has copies
    assert np.array_equal(corners, before)


def test_the_seed_decides():
    vectors = clustered(50)
    first, again, other = (jittered(vectors, 40, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_flat_search_is_numpys():
    vectors, queries = clustered(500), clustered(30, seed=1)
    rows, found = search_index(build_index(vectors, "flat"), queries, 5)
    expected = distances(queries, vectors)
    order = np.argsort(expected, axis=1)[:, :5]
    assert np.array_equal(rows, order)
    assert np.allclose(found, np.take_along_axis(expected, order, axis=1), rtol=1e-4)


def test_hnsw_finds_nearly_all_neighbours():
    vectors, queries = clustered(2000), clustered(100, seed=1)
    flat, hnsw = (search_index(build_index(vectors, name), queries, 3)[0] for name in ("flat", "hnsw"))
    assert np.mean([len(set(a) & set(b)) / 3 for a, b in zip(flat, hnsw, strict=True)]) > 0.9


def test_the_table_has_a_row_for_each_size_and_index():
    table = time_search(clustered(100), clustered(4, seed=1), [60, 300], ["flat", "hnsw"], repeats=2)
    assert list(table.columns) == COLUMNS
    rows = [(60, "flat"), (60, "hnsw"), (300, "flat"), (300, "hnsw")]
    assert list(zip(table["n"], table["index"], strict=True)) == rows
    assert (table.loc[table["index"] == "flat", "recall_at_3"] == 1).all()
    assert table["recall_at_3"].between(0, 1).all()
    assert (table[["ms_per_query", "build_seconds"]] > 0).all(axis=None)
    assert (table["dimension"] == 16).all()


def test_a_line_is_recovered():
    n = np.array([1e3, 5e3, 1e4, 1e5, 5e5])
    assert fit_line(n, 0.0058 * n + 0.049) == pytest.approx((0.0058, 0.049))


def test_points_count_by_their_relative_error():
    """Weighted least squares by the normal equations: residuals over the measured time."""
    n, ms = np.array([1.0, 2.0, 3.0, 100.0]), np.array([1.1, 1.9, 3.2, 90.0])
    design = np.stack([n, np.ones(4)], axis=1) / ms[:, None]
    assert fit_line(n, ms) == pytest.approx(np.linalg.solve(design.T @ design, design.T @ np.ones(4)))
