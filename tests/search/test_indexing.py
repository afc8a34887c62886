"""A compressed index finds nearly all of the nearest, at their exact distances, and is chosen by size."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import ConfigError, SearchError
from galspec_core.search import knowledge_base
from galspec_core.search.indexing import IndexSettings
from galspec_core.search.knowledge_base import KnowledgeBase

N, D, K = 4000, 24, 5
LEAST = 0.95


def clumps(n, seed):
    """Return n vectors in 30 clumps, and the clump of each."""
    rng = np.random.default_rng(seed)
    clump = rng.integers(30, size=n)
    centres = 4 * np.random.default_rng(0).normal(size=(30, D))
    return (centres[clump] + rng.normal(size=(n, D))).astype("f4"), clump


def metadata(n):
    """Return rows of which each three neighbouring ones share a sky position."""
    ids = np.arange(n, dtype="u8") + np.uint64(2**63)
    return pd.DataFrame({"specobjid": ids, "position": ids // np.uint64(3), "label": "SF"})


@pytest.fixture(scope="module")
def both():
    """Give an exact and a compressed knowledge base of the same entries, and 300 queries like them."""
    vectors, _ = clumps(N, 1)
    exact, large = (KnowledgeBase.build(vectors, metadata(N), index=kind, least=LEAST) for kind in ("flat", "ivf"))
    return exact, large, clumps(300, 2)[0]


def recall(large, exact):
    """Return the share of the exact neighbours that were found."""
    return np.mean([np.isin(b, a).mean() for a, b in zip(large.row, exact.row, strict=True)])


@pytest.fixture(autouse=True)
def _only_many_are_approximated(monkeypatch):
    monkeypatch.setattr(knowledge_base, "FEW", 100)


def test_nearly_all_of_the_nearest_are_found_at_their_exact_distances(both):
    exact, large, queries = both
    truth, found = exact.search(queries, K), large.search(queries, K)
    assert recall(found, truth) >= 0.9
    same = found.row == truth.row
    np.testing.assert_array_equal(found.distance[same], truth.distance[same])
    assert (found.distance >= truth.distance).all()


def test_the_recall_it_says_is_measured_and_what_was_asked_for(both):
    _, large, _ = both
    about = large.about
    assert LEAST <= about["recall"] <= 1
    assert 1 <= about["probes"] <= about["cells"]
    demanding = KnowledgeBase.build(large.vectors, large.metadata, index="ivf", least=1.0).about
    assert demanding["recall"] >= about["recall"]
    assert demanding["recall"] == 1 or demanding["probes"] == demanding["cells"]


def test_the_same_entries_give_the_same_index(both):
    _, large, queries = both
    again = KnowledgeBase.build(large.vectors, large.metadata, index="ivf", least=LEAST)
    assert again.about == large.about
    for key in ("row", "distance"):
        np.testing.assert_array_equal(getattr(again.search(queries, K), key), getattr(large.search(queries, K), key))


def test_never_itself_nor_its_own_position(both):
    _, large, _ = both
    some = large.metadata.iloc[::40]
    found = large.search(large.vectors[::40], K, position=some["position"].to_numpy()).row
    assert (large.metadata["position"].to_numpy()[found] != some["position"].to_numpy()[:, None]).all()
    found = large.search(large.vectors[::40], K, specobjid=some["specobjid"].to_numpy()).row
    assert (found != some.index.to_numpy()[:, None]).all()


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_filter_finds_what_it_allows_alone(both, share):
    exact, large, queries = both
    where = np.random.default_rng(3).random(N) < share
    truth, found = exact.search(queries, K, where=where), large.search(queries, K, where=where)
    assert where[found.row].all()
    assert recall(found, truth) >= 0.9


def test_a_rare_class_is_searched_exactly(both):
    exact, large, queries = both
    where = np.zeros(N, dtype=bool)
    where[np.random.default_rng(4).choice(N, 50, replace=False)] = True
    for k in (1, 50):
        truth, found = exact.search(queries, k, where=where), large.search(queries, k, where=where)
        np.testing.assert_array_equal(found.row, truth.row)
        np.testing.assert_array_equal(found.distance, truth.distance)


def test_every_entry_can_be_found_and_no_more(both):
    exact, large, queries = both
    where = np.arange(N) < 200
    np.testing.assert_array_equal(
        large.search(queries[:3], 200, where=where).row, exact.search(queries[:3], 200, where=where).row
    )
    with pytest.raises(SearchError, match="expected 201 neighbours; got 200 of 200"):
        large.search(queries[:3], 201, where=where)
    with pytest.raises(SearchError, match="got 0 of 0"):
        large.search(queries[:1], 1, where=np.zeros(N, dtype=bool))


def test_saved_and_loaded_from_disk_it_finds_the_same(both, tmp_path):
    _, large, queries = both
    for base in (large, KnowledgeBase.load(save(large, tmp_path / "kb"))):  # the second one is saved over its own files
        base.save(tmp_path / "kb")
    again = KnowledgeBase.load(tmp_path / "kb")
    assert isinstance(again.vectors, np.memmap)
    assert {path.name for path in tmp_path.rglob("*")} == {
        "kb", "config.json", "index.faiss", "metadata.parquet", "vectors.npy",
    }  # fmt: skip
    assert again.about == large.about
    np.testing.assert_array_equal(again.vectors, large.vectors)
    for key in ("row", "distance"):
        np.testing.assert_array_equal(getattr(again.search(queries, K), key), getattr(large.search(queries, K), key))


def save(base, folder):
    """Save a knowledge base and return its folder."""
    base.save(folder)
    return folder


@pytest.mark.parametrize("name", ["index.faiss", "vectors.npy", "metadata.parquet", "config.json"])
@pytest.mark.parametrize("keep", [0.0, 0.9])
def test_a_file_cut_short_is_refused(both, tmp_path, name, keep):
    path = save(both[1], tmp_path / "kb") / name
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(SearchError, match="cannot read"):
        KnowledgeBase.load(tmp_path / "kb")


def test_files_of_different_knowledge_bases_are_refused(both, tmp_path):
    exact, large, _ = both
    folder, other = save(large, tmp_path / "kb"), save(exact, tmp_path / "other")
    np.save(folder / "vectors.npy", np.zeros((N - 1, D), "f4"))
    with pytest.raises(SearchError, match="do not fit their index"):
        KnowledgeBase.load(folder)
    (other / "index.faiss").replace(folder / "index.faiss")
    with pytest.raises(SearchError, match="no compressed index"):
        KnowledgeBase.load(folder)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"index": "ivf"}))
    with pytest.raises(SearchError, match="cannot read"):
        KnowledgeBase.load(other)


@pytest.mark.parametrize("n", [1, 2, 50])
def test_a_small_one_can_be_compressed_too(n):
    vectors, _ = clumps(n, 5)
    base = KnowledgeBase.build(vectors, metadata(n), index="ivf")
    assert sorted(base.search(vectors[:1], n).row[0]) == list(range(n))


def test_auto_compresses_beyond_the_memory_it_may_use_and_says_so(caplog):
    settings = IndexSettings("auto", memory_gb=1e-4)
    with caplog.at_level(logging.INFO, "galspec"):
        assert settings.choose(1000, 25) == "flat"  # 100,000 bytes
        assert settings.choose(1001, 25) == "ivf"
    assert "index flat for 1,000 vectors of 25 numbers" in caplog.messages[0]
    assert "index ivf for 1,001 vectors of 25 numbers (search.index: auto, 0.0001" in caplog.messages[1]
    assert "search.memory_gb: 0.0001" in caplog.messages[1]


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_a_kind_that_is_named_is_taken_whatever_the_size(kind):
    assert IndexSettings(kind, memory_gb=1e-4).choose(10, 2) == IndexSettings(kind).choose(10**9, 768) == kind


def test_another_kind_is_an_error():
    with pytest.raises(ConfigError, match=r"search\.index.*expected auto, flat, ivf; got annoy"):
        IndexSettings("annoy")
