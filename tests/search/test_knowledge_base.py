"""FAISS finds what plain numpy finds, never the query's own position, and survives a disk."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.vectors import sample_distances

BIG = 2**63  # specobjid passes it for plate 8192 and up


def make(n=300, d=12, seed=1, position=None, offset=0.0):
    """Return a knowledge base of random vectors and the vectors."""
    rng = np.random.default_rng(seed)
    vectors = (rng.normal(size=(n, d)) + offset).astype("f4")
    ids = np.arange(n, dtype="u8") + np.uint64(BIG)
    position = np.arange(n, dtype="u8") if position is None else position
    label = rng.choice(["SF", "LINER", "LINER+Lens"], n)
    metadata = pd.DataFrame({"specobjid": ids, "position": position, "label": label, "z": rng.random(n)})
    metadata["seeds"] = [[0, 1] if i % 3 else [1] for i in range(n)]
    return KnowledgeBase.build(vectors, metadata, task="liner"), vectors


def brute_force(vectors, queries, k):
    """Return (row, distance) [Q, k] with numpy alone."""
    distance = np.linalg.norm(queries[:, None].astype("f8") - vectors[None].astype("f8"), axis=2)
    row = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return row, np.take_along_axis(distance, row, axis=1)


@pytest.mark.parametrize("n_queries", [1, 7, 400])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_search_equals_numpy(n_queries, offset):
    base, vectors = make(offset=offset)
    queries = (np.random.default_rng(2).normal(size=(n_queries, 12)) + offset).astype("f4")
    found = base.search(queries, 5, threads=2)
    row, distance = brute_force(vectors, queries, 5)
    np.testing.assert_array_equal(found.row, row)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-12)


def test_a_query_has_the_same_neighbours_alone_and_in_a_batch():
    base, vectors = make(offset=1000.0)
    batch = base.search(vectors, 4, specobjid=base.metadata["specobjid"].to_numpy())
    for i in (0, 17, 299):
        alone = base.search(vectors[i], 4, specobjid=base.metadata["specobjid"].to_numpy()[[i]])
        np.testing.assert_array_equal(alone.row[0], batch.row[i])
        np.testing.assert_array_equal(alone.distance[0], batch.distance[i])


@pytest.mark.parametrize("offset", [0.0, 300.0])
@pytest.mark.parametrize("threads", [1, 2])
def test_many_numbers_in_a_batch_are_what_numpy_finds(offset, threads):
    """Batches are compared by products, whose rounding far from the origin must change nothing."""
    base, vectors = make(n=600, d=256, offset=offset)
    queries = (np.random.default_rng(4).normal(size=(40, 256)) + offset).astype("f4")
    where = np.arange(600) % 5 > 0
    for rows, found in (
        (np.arange(600), base.search(queries, 3, threads=threads)),
        (np.flatnonzero(where), base.search(queries, 3, where=where, threads=threads)),
    ):
        row, distance = brute_force(vectors[rows], queries, 3)
        np.testing.assert_array_equal(found.row, rows[row])
        np.testing.assert_allclose(found.distance, distance, rtol=1e-12)


def test_distance_is_not_squared():
    metadata = pd.DataFrame({"specobjid": [1, 2], "position": [1, 2], "label": "SF"})
    base = KnowledgeBase.build(np.array([[3.0, 4.0], [6.0, 8.0]]), metadata)
    np.testing.assert_allclose(base.search(np.zeros(2), 2).distance, [[5.0, 10.0]])


def test_never_its_own_position_even_with_fifty_repeats():
    position = np.r_[np.full(50, 9), np.arange(100, 150)].astype("u8")
    base, vectors = make(n=100, position=position)
    vectors[:50] = vectors[0] + 1e-3 * np.arange(50)[:, None]  # repeats lie side by side
    base = KnowledgeBase.build(vectors, base.metadata)
    found = base.search(vectors[:3], 3, position=position[:3])
    row, distance = brute_force(vectors[50:], vectors[:3], 3)
    np.testing.assert_array_equal(found.row, row + 50)
    np.testing.assert_allclose(found.distance, distance)


def test_never_itself_but_its_twin():
    base, vectors = make()
    vectors[5] = vectors[4]
    base = KnowledgeBase.build(vectors, base.metadata)
    found = base.search(vectors[[4]], 1, specobjid=base.metadata["specobjid"].to_numpy()[[4]])
    assert found.row[0, 0] == 5
    assert found.distance[0, 0] == 0


@pytest.mark.parametrize("share", [0.03, 0.5, 0.95])
@pytest.mark.parametrize("n_queries", [1, 60])
def test_a_filter_equals_a_smaller_knowledge_base(share, n_queries):
    base, vectors = make()
    where = np.random.default_rng(3).random(len(vectors)) < share
    small = KnowledgeBase.build(vectors[where], base.metadata[where])
    queries, position = vectors[:n_queries], np.arange(n_queries, dtype="u8")
    filtered = base.search(queries, 3, position=position, where=where)
    alone = small.search(queries, 3, position=position)
    np.testing.assert_array_equal(filtered.row, np.flatnonzero(where)[alone.row])
    np.testing.assert_array_equal(filtered.distance, alone.distance)


def test_too_few_admissible_entries_is_an_error():
    base, vectors = make(n=30, position=np.r_[np.full(28, 5), 6, 7].astype("u8"))
    assert base.search(vectors[:1], 2, position=np.array([5])).row[0].min() >= 28
    with pytest.raises(SearchError, match="expected 3 neighbours; got 2 of 30"):
        base.search(vectors[:1], 3, position=np.array([5]))
    with pytest.raises(SearchError, match="got 0 of 0"):
        base.search(vectors[:1], 1, where=np.zeros(30, dtype=bool))


def test_not_a_number_is_named():
    base, vectors = make(n=10)
    vectors[[3, 7], 2] = np.nan
    with pytest.raises(SearchError, match=f"{BIG + 3}, {BIG + 7}: an embedding is not finite"):
        KnowledgeBase.build(vectors, base.metadata)
    with pytest.raises(SearchError, match=f"{BIG + 3}.*not finite"):
        base.search(vectors[[3]], 1, specobjid=np.array([BIG + 3], dtype="u8"))


@pytest.mark.parametrize(
    ("rows", "columns"), [(9, ["specobjid", "position", "label"]), (10, ["specobjid", "label"]), (0, [])]
)
def test_metadata_must_fit(rows, columns):
    base, vectors = make(n=10)
    with pytest.raises(SearchError):
        KnowledgeBase.build(
            vectors[:rows] if rows == 0 else vectors, base.metadata[columns or list(base.metadata)][:rows]
        )


def test_saved_and_loaded_is_the_same(tmp_path):
    base, vectors = make()
    for _ in range(2):  # the second one replaces the first
        base.save(tmp_path / "kb")
    again = KnowledgeBase.load(tmp_path / "kb")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["config.json", "index.faiss", "kb", "metadata.parquet"]
    np.testing.assert_array_equal(again.vectors, vectors)
    assert again.about == base.about
    assert again.metadata["specobjid"].dtype == np.uint64
    assert again.metadata["specobjid"].min() == BIG
    assert [list(s) for s in again.metadata["seeds"]] == list(base.metadata["seeds"])
    plain = again.metadata.astype({"label": "str"})  # in memory, words are categories
    pd.testing.assert_frame_equal(plain.drop(columns="seeds"), base.metadata.drop(columns="seeds"))
    assert KnowledgeBase.load(tmp_path / "kb", ["specobjid", "position", "label"]).metadata.shape == (len(base), 3)
    for key in ("row", "distance"):
        np.testing.assert_array_equal(getattr(again.search(vectors, 3), key), getattr(base.search(vectors, 3), key))


def test_broken_files_are_an_error(tmp_path):
    base, _ = make(n=20)
    base.save(tmp_path / "kb")
    (tmp_path / "kb/index.faiss").write_bytes(b"no index")
    with pytest.raises(SearchError, match="cannot read the knowledge base"):
        KnowledgeBase.load(tmp_path / "kb")
    other, _ = make(n=21)
    other.save(tmp_path / "other")
    (tmp_path / "other/index.faiss").replace(tmp_path / "kb/index.faiss")
    with pytest.raises(SearchError, match="21 vectors of 12 numbers, 20 rows"):
        KnowledgeBase.load(tmp_path / "kb")


def test_unit_is_the_median_pairwise_distance():
    metadata = pd.DataFrame({"specobjid": [1, 2, 3], "position": [1, 2, 3], "label": "SF"})
    base = KnowledgeBase.build(np.array([[0.0], [1.0], [10.0]]), metadata)  # pairs: 1, 9, 10
    assert base.unit("median") == pytest.approx(9)
    assert base.about["mean_distance"] == pytest.approx(20 / 3)
    assert base.unit("paper") == 1
    with pytest.raises(SearchError, match="no unit"):
        KnowledgeBase.build(np.zeros((3, 2)), metadata).unit("median")


def test_a_sample_of_distances_is_seeded_and_close_to_all():
    vectors = np.random.default_rng(0).normal(size=(1500, 8))
    some, everything = sample_distances(vectors, 1, n=500), sample_distances(vectors)
    assert len(everything) == 1500 * 1499 // 2
    assert np.median(some) == pytest.approx(np.median(everything), rel=0.02)
    np.testing.assert_array_equal(some, sample_distances(vectors, 1, n=500))
