"""Where no entry is near, in what the model says or in what it leaves, the answer is "don't know"."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.known import Near, of_seed

D = 6


def spectra(n, first=0, seeds=(0, 1)):
    ids = np.arange(first, first + n, dtype="u8")
    return pd.DataFrame({"specobjid": ids, "position": ids, "label": "SF", "seeds": [list(seeds)] * n})


def known(base, vectors, seed, spectra, queries, unknown):
    return Near(base, vectors, seed, unknown).known(spectra, queries)


@pytest.fixture(scope="module")
def world():
    """Give a knowledge base of 400, vectors of embedding and evidence, and 200 queries like them."""
    vectors = np.random.default_rng(0).normal(size=(600, D + 3)).astype("f4")
    base = KnowledgeBase.build(vectors[:400, :D], spectra(400))
    return base, vectors[:400], spectra(200, first=1000), vectors[400:]


def test_about_the_configured_share_of_what_is_like_the_entries_is_unknown(world):
    base, vectors, asked, queries = world
    near = known(base, vectors, 0, asked, queries, 0.01)
    assert 0.95 < near.mean() <= 1
    assert 0.6 < known(base, vectors, 0, asked, queries, 0.3).mean() < 0.8


@pytest.mark.parametrize("odd", [slice(0, D), slice(D, None)], ids=["embedding", "evidence"])
def test_what_lies_far_away_in_either_is_unknown(world, odd):
    base, vectors, asked, queries = world
    moved = queries.copy()
    moved[:, odd] += 50
    assert not known(base, vectors, 0, asked, moved, 0.01).any()


def test_without_evidence_the_embedding_alone_decides(world):
    base, _, asked, queries = world
    own = base.search(base.vectors, 1, None, base.metadata["specobjid"]).distance[:, 0]
    found = base.search(queries[:, :D], 1).distance[:, 0]
    near = known(base, base.vectors, 0, asked, queries[:, :D], 0.1)
    np.testing.assert_array_equal(near, found <= np.quantile(own, 0.9))


def test_an_entry_of_the_same_position_is_not_near(world):
    base, vectors, asked, _ = world
    twins = asked.assign(position=np.arange(200, dtype="u8"))
    shifted = vectors + np.where(np.arange(400) < 200, 1e3 * np.arange(400), 0)[:, None].astype("f4")
    lonely = KnowledgeBase.build(shifted[:, :D], base.metadata)
    assert known(lonely, shifted, 0, asked, shifted[:200], 0.01).all()
    assert known(lonely, shifted, 0, twins, shifted[:200], 0.6).mean() < 0.5


def test_entries_of_another_seed_do_not_count(world):
    base, vectors, asked, queries = world
    metadata = base.metadata.assign(seeds=[[0] if i < 200 else [1] for i in range(400)])
    apart = np.where(np.arange(400) < 200, 0, 50)[:, None].astype("f4") + vectors
    split = KnowledgeBase.build(apart[:, :D], metadata)
    assert known(split, apart, 0, asked, queries, 0.01).mean() > 0.9
    assert not known(split, apart, 1, asked, queries, 0.01).any()


@pytest.mark.parametrize("arrow", [False, True])
def test_entries_of_a_seed_are_those_that_list_it(arrow):
    seeds = [[0, 1], [1], [], [2, 0], [3], [0]]
    column = pd.Series(seeds, dtype=pd.ArrowDtype(pa.list_(pa.int64())) if arrow else object)
    base = SimpleNamespace(metadata=pd.DataFrame({"seeds": column}))
    for seed in range(5):
        np.testing.assert_array_equal(of_seed(base, seed), [seed in own for own in seeds])


def test_with_one_position_there_is_no_measure_of_near(world):
    _, vectors, asked, queries = world
    one = KnowledgeBase.build(vectors[:3, :D], spectra(3).assign(position=np.uint64(7)))
    assert known(one, vectors[:3], 0, asked, queries + 50, 0.01).all()


def test_vectors_on_disk_give_the_same_answer(world, tmp_path):
    base, vectors, asked, queries = world
    KnowledgeBase.build(vectors[:, :D], base.metadata, index="ivf").save(tmp_path / "kb")
    large = KnowledgeBase.load(tmp_path / "kb")
    near = known(large, large.vectors, 0, asked, queries[:, :D], 0.1)
    np.testing.assert_array_equal(near, known(base, base.vectors, 0, asked, queries[:, :D], 0.1))


def test_asked_one_by_one_the_answers_are_the_same(world):
    base, vectors, asked, queries = world
    near = Near(base, vectors, 0, 0.3)
    alone = [near.known(asked.iloc[[i]], queries[[i]])[0] for i in range(30)]
    np.testing.assert_array_equal(alone, known(base, vectors, 0, asked, queries, 0.3)[:30])
