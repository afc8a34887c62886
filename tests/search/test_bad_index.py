"""Spoilt knowledge bases and embeddings: each is refused by name, and no file makes FAISS crash or take all memory."""

import json

import faiss
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.knowledge_base import KnowledgeBase

N, D = 20, 4
IDS = np.arange(N, dtype="u8") + np.uint64(2**63)
VECTORS = np.random.default_rng(1).normal(size=(N, D)).astype("f4")
METADATA = pd.DataFrame({"specobjid": IDS, "position": IDS, "label": "SF"})
INDEX, ROWS, ABOUT = "index.faiss", "metadata.parquet", "config.json"


@pytest.fixture
def folder(tmp_path):
    KnowledgeBase.build(VECTORS, METADATA).save(tmp_path / "kb")
    return tmp_path / "kb"


def index_bytes(index, vectors=VECTORS):
    """Return the file of an index that holds ``vectors``."""
    index.train(vectors)
    index.add(vectors)
    return faiss.serialize_index(index).tobytes()


def parquet(frame):
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out)
    return out.getvalue().to_pybytes()


def nan_vectors():
    vectors = VECTORS.copy()
    vectors[3, 2] = np.nan
    return index_bytes(faiss.IndexFlatL2(D), vectors)


FLAT = index_bytes(faiss.IndexFlatL2(D))
TABLE, FACTS = parquet(METADATA), {"n": N, "dimension": D, "median_distance": 1.0}
BAD = [  # name, file, bytes (None: the file is missing), words of the message
    ("no index", INDEX, None, "cannot read the knowledge base"),
    ("an empty index", INDEX, b"", "no flat L2 index"),
    ("text for an index", INDEX, b"no index", "no flat L2 index"),
    ("an index cut short", INDEX, FLAT[:-20], "cannot read the knowledge base"),
    ("an index cut in its header", INDEX, FLAT[:17], "cannot read the knowledge base"),
    ("an index of 10^12 vectors", INDEX, FLAT[:8] + (10**12).to_bytes(8, "little") + FLAT[16:], "kb"),
    ("a vector of 10^11 numbers", INDEX, FLAT[:-VECTORS.nbytes - 8] + (10**11).to_bytes(8, "little"), "cannot read"),
    ("an index that sorts by angle", INDEX, index_bytes(faiss.IndexFlatIP(D)), "no flat L2 index"),
    ("an index that is not exact", INDEX, index_bytes(faiss.IndexHNSWFlat(D, 4)), "no flat L2 index"),
    ("an index in cells", INDEX, index_bytes(faiss.IndexIVFFlat(faiss.IndexFlatL2(D), D, 1)), "no flat L2 index"),
    ("an index of fewer vectors", INDEX, index_bytes(faiss.IndexFlatL2(D), VECTORS[1:]), "19 vectors of 4 numbers, 20 rows"),
    ("an index of longer vectors", INDEX, index_bytes(faiss.IndexFlatL2(5), np.ones((N, 5), "f4")), "20 vectors of 5 numbers"),
    ("a vector NaN", INDEX, nan_vectors(), f"{2**63 + 3}: an embedding is not finite"),
    ("no metadata", ROWS, None, "cannot read the knowledge base"),
    ("metadata cut short", ROWS, TABLE[:-30], "cannot read the knowledge base"),
    ("text for metadata", ROWS, b"specobjid,label\n1,SF\n", "cannot read the knowledge base"),
    ("metadata of fewer rows", ROWS, parquet(METADATA[:-1]), "20 vectors of 4 numbers, 19 rows"),
    ("metadata without labels", ROWS, parquet(METADATA.drop(columns="label")), "without label"),
    ("metadata without positions", ROWS, parquet(METADATA.drop(columns="position")), "without position"),
    ("identifiers as floats", ROWS, parquet(METADATA.astype({"specobjid": "f8"})), "specobjid as float64"),
    ("identifiers that wrapped", ROWS, parquet(METADATA.assign(specobjid=IDS.view("i8"))), "specobjid as int64"),
    ("no configuration", ABOUT, None, "cannot read the knowledge base"),
    ("an empty configuration", ABOUT, b"", "cannot read the knowledge base"),
    ("a configuration of another kind", ABOUT, b"[1, 2]", "cannot read the knowledge base"),
    ("a configuration of odd bytes", ABOUT, b"\xff\xfe{}", "cannot read the knowledge base"),
    ("a configuration without a median", ABOUT, json.dumps({"n": N, "dimension": D}).encode(), "without median_distance"),
    ("a configuration without its size", ABOUT, b'{"median_distance": 1.0}', "cannot read the knowledge base"),
    ("a configuration of another dimension", ABOUT, json.dumps(FACTS | {"dimension": 9}).encode(), "facts of (20, 9)"),
    ("a configuration of another length", ABOUT, json.dumps(FACTS | {"n": 7}).encode(), "facts of (7, 4)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_spoilt_knowledge_base_is_refused_by_name(folder, name, content, words):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(SearchError) as caught:
        KnowledgeBase.load(folder)
    assert words in str(caught.value)
    assert "kb" in str(caught.value) or "embedding" in str(caught.value)


def test_a_header_damaged_at_random_is_refused_or_harmless(folder):
    rng = np.random.default_rng(5)
    for _ in range(300):
        content = bytearray(FLAT)
        for at in rng.integers(0, 60, rng.integers(1, 4)):
            content[at] = rng.integers(256)
        (folder / INDEX).write_bytes(bytes(content))
        try:
            found = KnowledgeBase.load(folder)
        except SearchError:
            continue
        assert found.vectors.shape == (N, D)


def shard(**columns):
    """Return a shard of embeddings with some columns changed, those that are None left out."""
    values = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.reshape(-1)), D)
    own = {"specobjid": pa.array(IDS), "embedding": values} | columns
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({key: value for key, value in own.items() if value is not None}), out)
    return out.getvalue().to_pybytes()


BAD_SHARDS = [  # name, bytes, words of the message
    ("empty", b"", "cannot read a shard of embeddings"),
    ("cut short", shard()[:-40], "cannot read a shard of embeddings"),
    ("text", b"specobjid,embedding\n", "cannot read a shard of embeddings"),
    ("no embedding", shard(embedding=None), "no shard of embeddings"),
    ("no identifiers", shard(specobjid=None), "no shard of embeddings"),
    ("embeddings of any length", shard(embedding=pa.array(VECTORS.tolist())), "no shard of embeddings"),
    ("a number for an embedding", shard(embedding=pa.array(VECTORS[:, 0])), "embedding float"),
    ("identifiers that wrapped", shard(specobjid=pa.array(IDS.view("i8"))), "specobjid int64"),
]


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in BAD_SHARDS], ids=[row[0] for row in BAD_SHARDS])
def test_a_spoilt_shard_of_embeddings_is_refused_by_name(tmp_path, content, words):
    (tmp_path / "0000.parquet").write_bytes(content)
    with pytest.raises(SearchError) as caught:
        load_embeddings([tmp_path / "0000.parquet"], IDS)
    assert "0000.parquet" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(("queries", "k", "words"), [
    (VECTORS[:1, :3], 1, "3 numbers"), (VECTORS[:1], 0, "k = 0"), (VECTORS[:1] * np.nan, 1, "not finite"),
    (VECTORS[:1] + np.inf, 1, "not finite"), (VECTORS[:1], 21, "expected 21 neighbours"),
])  # fmt: skip
def test_a_query_that_does_not_fit_is_refused(queries, k, words):
    with pytest.raises(SearchError, match=words):
        KnowledgeBase.build(VECTORS, METADATA).search(queries, k)
