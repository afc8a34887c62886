"""Sweeps change what they say and nothing else."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.sweeps import (
    Bench,
    mislabel,
    run_sweep,
    some_of,
    sweep_base_size,
    sweep_top_k,
    sweep_wrong_labels,
    with_share,
)
from galspec_core.search.vote import VoteSettings

RNG = np.random.default_rng(0)
N = 200
WHERE = np.arange(N) % 10 > 0
TARGET = np.arange(N) % 5 == 1
LABELS = np.where(TARGET, "Lens", np.where(np.arange(N) % 2, "Normal", "SF"))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.22, 0.5, 0.8])
def test_a_share_is_reached_with_as_many_entries_as_there_are(share):
    kept = with_share(WHERE, TARGET, share, seed=3)
    assert not (kept & ~WHERE).any()
    assert abs((kept & TARGET).sum() - share * kept.sum()) <= 1
    all_targets, all_others = (WHERE & TARGET).sum(), (WHERE & ~TARGET).sum()
    assert (kept & TARGET).sum() == all_targets or (kept & ~TARGET).sum() >= all_others - 1 / share


def test_a_smaller_knowledge_base_is_part_of_a_larger_one():
    few, many = (some_of(WHERE, n, seed=1) for n in (20, 90))
    assert (few.sum(), many.sum()) == (20, 90)
    assert not (few & ~many).any()
    assert not (many & ~WHERE).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_exactly_the_share_of_labels_is_wrong(share):
    wrong = mislabel(LABELS.astype(object), WHERE, share, seed=2)
    assert (wrong != LABELS)[WHERE].sum() == round(share * WHERE.sum())
    assert not (wrong != LABELS)[~WHERE].any()
    assert set(wrong) <= set(LABELS)


@pytest.fixture
def bench():
    vectors = RNG.standard_normal((N, 6)).astype("f4") + 2 * TARGET[:, None]
    ids = np.arange(N, dtype="u8")
    base = KnowledgeBase.build(vectors, pd.DataFrame({"specobjid": ids, "position": ids, "label": LABELS}))
    tests = pd.DataFrame({"specobjid": ids[:60] + 1000, "position": ids[:60] + 1000, "label": LABELS[:60]})
    queries = vectors[:60] + 0.3 * RNG.standard_normal((60, 6)).astype("f4")
    return Bench(base, "Lens", VoteSettings(), 0, WHERE, tests, queries)


def test_the_configured_k_all_entries_and_right_labels_give_the_vote_itself(bench):
    found = bench.neighbours(3, WHERE)
    plain = bench.measure(bench.named(found, bench.codes))
    assert 0 < plain["f1"] <= 1
    assert dict(sweep_top_k(bench, [1, 3, 9]))[3] == plain
    assert dict(sweep_base_size(bench, [50, "all", 10_000])) == {50: dict(sweep_base_size(bench, [50]))[50], 180: plain}
    assert dict(sweep_wrong_labels(bench, [0.0, 0.3]))[0.0] == plain


def test_more_k_than_entries_is_left_out(bench):
    assert [k for k, _ in sweep_top_k(bench, [1, 179, 180, 500])] == [1, 179]


def test_a_sweep_is_one_row_a_task_method_value_and_seed(tmp_path, bench):
    from galspec_core.encoder.embed import write_embedding

    base = KnowledgeBase.build(bench.base.vectors, bench.base.metadata.assign(seeds=[[0, 1]] * N))
    base.save(tmp_path / "kb")
    write_embedding(tmp_path / "e.parquet", bench.tests["specobjid"].to_numpy(), bench.queries)
    roles = pd.concat([bench.tests.assign(task="lens", seed=seed, role="test") for seed in (0, 1)])
    methods = {("lens", "pca"): (tmp_path / "kb", [tmp_path / "e.parquet"])}
    search = dict(top_k=3, weight="exp", epsilon=1e-6, normalise="sum", scale="median")
    manifest = bench.tests[["specobjid", "position"]]
    table = run_sweep(
        "top_k", [1, 3], {"lens": {"target": "Lens"}}, methods, roles.drop(columns="position"), manifest, search
    )
    assert list(table.columns) == ["task", "method", "k", "seed", "precision", "recall", "f1"]
    assert sorted(zip(table["k"], table["seed"], strict=True)) == [(1, 0), (1, 1), (3, 0), (3, 1)]
