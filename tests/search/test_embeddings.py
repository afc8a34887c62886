"""Only wanted rows are read, whatever the order, and what is missing is named."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from galspec_core.encoder.embed import write_embedding
from galspec_core.errors import SearchError
from galspec_core.search.embeddings import load_embeddings


def write(path, ids, values):
    """Write a shard of embeddings as the encoder does."""
    values = np.asarray(values, dtype="f4")
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.float32()), values.shape[1])
    pq.write_table(pa.table({"specobjid": pa.array(ids, pa.uint64()), "embedding": column}), path)


@pytest.fixture
def shards(tmp_path):
    """Give 1,300 embeddings in three shards, one of them empty: each holds its id in four ways."""
    ids = np.random.default_rng(0).permutation(np.arange(1300, dtype="u8")) + np.uint64(2**63 + 5)
    values = (ids - np.uint64(2**63)).astype("f4")[:, None] * [1, 2, 3, 4]
    parts = {"a": slice(0, 1200), "b": slice(0, 0), "c": slice(1200, None)}
    for name, part in parts.items():
        write(tmp_path / f"{name}.parquet", ids[part], values[part])
    return [tmp_path / f"{name}.parquet" for name in parts], ids


def test_wanted_rows_and_no_others(shards):
    paths, ids = shards
    wanted = np.r_[ids[::7], ids[:3], np.uint64(3)]
    found = load_embeddings(paths, wanted)
    np.testing.assert_array_equal(found.specobjid, np.unique(ids[np.r_[0:1300:7, 0:3]]))
    expected = (found.specobjid - np.uint64(2**63)).astype("f4")
    np.testing.assert_array_equal(found.embedding, expected[:, None] * np.array([1, 2, 3, 4], "f4"))
    np.testing.assert_array_equal(found.missing, [3])
    assert found.rows(np.array([3], "u8"))[0] == -1
    np.testing.assert_array_equal(found.specobjid[found.rows(ids[:3])], ids[:3])


def test_the_order_of_shards_does_not_matter(shards):
    paths, ids = shards
    one, two = load_embeddings(paths, ids), load_embeddings(paths[::-1], ids[::-1])
    np.testing.assert_array_equal(one.embedding, two.embedding)


def test_shards_of_different_encoders_do_not_mix(shards, tmp_path):
    write(tmp_path / "other.parquet", np.array([1], "u8"), [[1, 2]])
    with pytest.raises(SearchError, match="expected 4 of embedding and 0 of evidence; got 2 of embedding"):
        load_embeddings([*shards[0], tmp_path / "other.parquet"], shards[1])
    with pytest.raises(SearchError, match="list of shards of embeddings is empty"):
        load_embeddings([], shards[1])


def test_evidence_comes_with_its_embedding(tmp_path):
    ids = np.array([2, 4, 6], "u8")
    write_embedding(tmp_path / "a.parquet", ids, np.eye(3, dtype="f4"), np.array([[20.0], [40.0], [60.0]], "f4"))
    found = load_embeddings([tmp_path / "a.parquet"], np.array([6, 2, 9], "u8"))
    assert found.evidence.tolist() == [[20.0], [60.0]]
    assert found.missing.tolist() == [9]
    assert found.all.tolist() == [[1, 0, 0, 20], [0, 0, 1, 60]]


def test_embeddings_beyond_memory_are_the_same_from_disk(shards, tmp_path):
    paths, ids = shards
    held, spilt = load_embeddings(paths, ids[::3]), load_embeddings(paths, ids[::3], 100, tmp_path / "vectors.npy")
    assert isinstance(spilt.embedding, np.memmap)
    np.testing.assert_array_equal(spilt.embedding, held.embedding)
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.npy"), held.embedding)
    np.testing.assert_array_equal(spilt.beside(np.array([5, 2])), held.all[[5, 2]])
