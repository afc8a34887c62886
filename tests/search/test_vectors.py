"""Vectors in a file are those in memory, whole or refused."""

import numpy as np
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.vectors import (
    blocks,
    check_finite,
    create_vectors,
    distances_to,
    open_vectors,
    release,
    rows_of,
    sample_distances,
    scratch_beside,
    write_vectors,
)


@pytest.fixture
def mapped(tmp_path):
    """Give vectors [30, 4] in memory and the same in a file, mapped."""
    vectors = np.random.default_rng(0).normal(size=(30, 4)).astype("f4")
    stored = create_vectors(tmp_path / "vectors.npy", 30, 4)
    for start, block in blocks(vectors, 7):
        stored[start : start + len(block)] = block
        release(stored)
    return vectors, stored


def test_what_is_written_is_read_again_after_its_pages_were_let_go_of(mapped, tmp_path):
    vectors, stored = mapped
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks(stored, 7)]), vectors)
    write_vectors(stored, tmp_path / "linked.npy")
    write_vectors(vectors, tmp_path / "copied.npy")
    for name in ("linked", "copied"):
        np.testing.assert_array_equal(open_vectors(tmp_path / f"{name}.npy", (30, 4)), vectors)


def test_rows_of_a_file_are_those_in_memory_also_when_another_file_took_its_name(mapped, tmp_path):
    vectors, stored = mapped
    rows = np.array([3, 29, 0, 3, -1])
    stored.flush()
    again = open_vectors(tmp_path / "vectors.npy", (30, 4))
    (tmp_path / "vectors.npy").unlink()
    np.save(tmp_path / "vectors.npy", np.zeros((30, 4), "f4"))
    for source in (vectors, stored, again, again[:]):
        found = rows_of(source, rows)
        np.testing.assert_array_equal(found, vectors[rows])
        found[:] = 0  # a copy
    np.testing.assert_array_equal(again, vectors)
    assert rows_of(again, rows[:0]).shape == (0, 4)


def test_a_part_of_a_mapped_file_is_written_alone(mapped, tmp_path):
    vectors, stored = mapped
    write_vectors(stored[3:9], tmp_path / "part.npy")
    np.testing.assert_array_equal(open_vectors(tmp_path / "part.npy", (6, 4)), vectors[3:9])


def test_distances_are_the_same_from_memory_and_from_disk(mapped):
    vectors, stored = mapped
    rows = np.array([[0, 7, 29], [3, 3, 1]])
    expected = np.linalg.norm(vectors[rows].astype("f8") - vectors[:2, None].astype("f8"), axis=2)
    for each in mapped:
        np.testing.assert_allclose(distances_to(vectors[:2], each, rows), expected, rtol=1e-12)
    np.testing.assert_array_equal(sample_distances(vectors, n=10), sample_distances(stored, n=10))


def test_no_vectors_make_no_file(tmp_path):
    assert create_vectors(tmp_path / "none.npy", 0, 4).shape == (0, 4)


@pytest.mark.parametrize(
    "content", [np.zeros((5, 4), "f8"), np.zeros((4, 5), "f4"), np.array([{}]), b"", b"\x93NUMPY\x01\x00v\x00{'descr'"]
)
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "vectors.npy"
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content, allow_pickle=True)
    with pytest.raises(SearchError):
        open_vectors(path, (5, 4))


def test_what_is_not_finite_is_named_in_any_block():
    vectors = np.zeros((20_000, 2), "f4")
    vectors[[3, 15_000], 1] = np.inf, np.nan
    with pytest.raises(SearchError, match=r"n3, n15000: an embedding is not finite; got 2 such"):
        check_finite(vectors, [f"n{i}" for i in range(20_000)])


def test_scratch_is_empty_at_first_and_gone_afterwards_even_after_an_error(tmp_path):
    left = tmp_path / ".kb.vectors/left.npy"
    left.parent.mkdir()
    left.touch()
    with pytest.raises(ValueError, match="on purpose"), scratch_beside(tmp_path / "kb") as scratch:
        assert list(scratch.iterdir()) == []
        raise ValueError("on purpose")
    assert list(tmp_path.iterdir()) == []
