"""An index file is looked at before FAISS trusts it."""

import faiss
import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.index_file import HEAD, check_index_file
from galspec_core.search.knowledge_base import KnowledgeBase

N, D = 20, 6


@pytest.fixture
def folder(tmp_path):
    ids = np.arange(N, dtype="u8")
    metadata = pd.DataFrame({"specobjid": ids, "position": ids, "label": ["SF"] * N})
    KnowledgeBase.build(np.random.default_rng(0).normal(size=(N, D)), metadata).save(tmp_path / "kb")
    return tmp_path / "kb"


def change(path, place, value):
    """Write another number into the head: 0 kind, 1 dimension, 2 entries, 6 metric, 7 floats."""
    content = path.read_bytes()
    fields = list(HEAD.unpack(content[: HEAD.size]))
    fields[place] = value
    path.write_bytes(HEAD.pack(*fields) + content[HEAD.size :])


def test_what_faiss_writes_passes(folder):
    check_index_file(folder / "index.faiss", N)
    assert len(KnowledgeBase.load(folder)) == N


BAD = {
    "another kind": (0, b"IHNf"),
    "no dimension": (1, 0),
    "negative dimension": (1, -D),
    "huge dimension": (1, 2**31 - 1),
    "more entries than rows": (2, 2**40),
    "negative entries": (2, -N),
    "another metric": (6, 0),
    "more floats than there are": (7, 2**60),
    "fewer floats": (7, N * D - 1),
}


@pytest.mark.parametrize("name", BAD)
def test_a_head_that_lies_never_reaches_faiss(folder, name, monkeypatch):
    monkeypatch.setattr(faiss, "read_index", lambda path: pytest.fail("FAISS was given the file"))
    change(folder / "index.faiss", *BAD[name])
    with pytest.raises(SearchError, match=r"cannot read the knowledge base|do not fit together"):
        KnowledgeBase.load(folder)


@pytest.mark.parametrize(
    "change_length", [lambda content: content[:-1], lambda content: content + b"x", lambda content: b""]
)
def test_a_file_of_another_length_never_reaches_faiss(folder, change_length):
    path = folder / "index.faiss"
    path.write_bytes(change_length(path.read_bytes()))
    with pytest.raises(SearchError, match="cannot read the knowledge base"):
        KnowledgeBase.load(folder)


@pytest.mark.parametrize("make", [lambda: faiss.IndexHNSWFlat(D, 8), lambda: faiss.IndexFlatIP(D)])
def test_another_index_is_refused(folder, make):
    index = make()
    index.add(np.zeros((N, D), "f4"))
    faiss.write_index(index, str(folder / "index.faiss"))
    with pytest.raises(SearchError, match="no flat L2 index"):
        KnowledgeBase.load(folder)


def test_metadata_without_a_column_or_facts_without_a_key_are_named(folder):
    (folder / "config.json").write_text('{"n": 20}')
    with pytest.raises(SearchError, match="dimension"):
        KnowledgeBase.load(folder)
