"""Sweeps change what they say and nothing else."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from galspec_core.encoder.embed import write_embedding
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import score_target
from galspec_core.search.sweeps import (
    Bench,
    mislabel,
    run_sweep,
    some_of,
    sweep_base_size,
    sweep_target_share,
    sweep_top_k,
    sweep_wrong_labels,
    with_share,
)
from galspec_core.search.task import Voter, build_task_kb, vote_task
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


def voted(bench, settings):
    """Return which test spectra the search's own vote calls targets: bool[Q]."""
    votes = Voter("lens", bench.target, bench.base, settings).votes(bench.seed, bench.tests, bench.queries)
    return (votes["predicted"] == bench.target).to_numpy()


@pytest.fixture
def repeated(bench):
    """Give the bench with repeats: every position thrice, those of the test spectra in the knowledge base too."""
    seeds = [[0, 1] if there else [1] for there in WHERE]
    metadata = bench.base.metadata.assign(seeds=seeds, position=np.arange(N, dtype="u8") // np.uint64(3))
    tests = bench.tests.assign(position=np.arange(60, dtype="u8") // np.uint64(3))
    return replace(bench, base=replace(bench.base, metadata=metadata), tests=tests)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_each_k_is_the_searchs_own_vote_with_that_k(repeated, k):
    expected = repeated.measure(voted(repeated, VoteSettings(top_k=k)))
    assert dict(sweep_top_k(repeated, [1, 3, 7, 11]))[k] == expected


def test_all_entries_and_right_labels_are_the_searchs_own_vote(repeated):
    expected = repeated.measure(voted(repeated, repeated.settings))
    assert dict(sweep_base_size(repeated, ["all"])) == {int(WHERE.sum()): expected}
    assert dict(sweep_wrong_labels(repeated, [0.0])) == {0.0: expected}


def test_a_share_is_searched_among_its_entries_alone(repeated):
    """Two ways to one vote: entries barred from the search, and a knowledge base that never had them."""
    where = with_share(WHERE, repeated.codes == 1, 0.1, repeated.seed)
    alone = KnowledgeBase.build(repeated.base.vectors[where], repeated.base.metadata[where])
    alone = replace(alone, about=repeated.base.about)  # the unit of distance stays that of the whole
    expected = repeated.measure(voted(replace(repeated, base=alone), repeated.settings))
    assert dict(sweep_target_share(repeated, [0.1])) == {0.1: expected}


def test_measures_are_those_of_the_counts(bench):
    member = TARGET[:60]
    named = member.copy()
    named[np.flatnonzero(member)[:5]] = False  # five missed
    named[np.flatnonzero(~member)[:2]] = True  # two wrongly named
    right = member.sum() - 5
    measured = bench.measure(named)
    assert measured["precision"] == pytest.approx(right / (right + 2))
    assert measured["recall"] == pytest.approx(right / (right + 5))
    assert measured["f1"] == pytest.approx(2 * right / (2 * right + 7))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5, 0.6, 0.9])
@pytest.mark.parametrize("n_targets", [20, 150, 380])
def test_a_share_is_met_to_half_an_entry_by_as_many_as_the_rarer_side_allows(share, n_targets):
    target, where = np.arange(500) < n_targets, np.arange(500) % 10 > 0
    kept = with_share(where, target, share, seed=0)
    assert abs((kept & target).sum() - share * kept.sum()) <= 0.5
    most = min((where & target).sum() / share, (where & ~target).sum() / (1 - share))  # if entries could be cut
    assert abs(kept.sum() - most) <= 0.5 / share + 0.5 / (1 - share)


def test_the_seed_decides_which_entries_reach_a_share():
    first, again, other = (with_share(WHERE, TARGET, 0.1, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert first.sum() == other.sum()
    assert not np.array_equal(first, other)


def test_sizes_are_nested_in_one_another():
    parts = [some_of(WHERE, n, seed=3) for n in (1, 10, 40, 180, 500)]
    assert [int(part.sum()) for part in parts] == [1, 10, 40, 180, 180]
    assert all((small <= large).all() for small, large in pairwise(parts))


def test_mislabelling_leaves_what_it_was_given_and_one_label_alone_as_they_are():
    words = LABELS.astype(object)
    assert (mislabel(words, WHERE, 1.0, seed=2) != words)[WHERE].all()
    assert (words == LABELS).all()
    assert (mislabel(np.array(["SF"] * 9, object), np.ones(9, bool), 0.5, seed=2) == "SF").all()


def test_a_sweeps_table_agrees_with_the_votes_of_the_task(tmp_path):
    """The whole way from roles: means over seeds at the configured K are those of table 4."""
    search = dict(top_k=3, weight="exp", epsilon=1e-6, normalise="sum", scale="median")
    rng = np.random.default_rng(5)
    ids, path, parts = np.arange(N, dtype="u8") + np.uint64(2**63), tmp_path / "e.parquet", []
    manifest = pd.DataFrame({"specobjid": ids, "position": ids // np.uint64(2)})
    write_embedding(path, ids, (TARGET[:, None] + rng.normal(size=(N, 4))).astype("f4"))
    for seed in (0, 1):
        known = rng.permutation(N)[:140]
        for role, rows in (("knowledge_base", known), ("test", np.setdiff1d(np.arange(N), known))):
            columns = dict(specobjid=ids[rows], task="lens", seed=seed, role=role, label=LABELS[rows], subtype="")
            parts.append(pd.DataFrame(columns))
    roles = pd.concat(parts, ignore_index=True)
    build_task_kb("lens", roles, manifest, [path]).save(tmp_path / "kb")
    methods, tasks = (tmp_path / "kb", [path]), {"lens": {"target": "Lens"}}
    table = run_sweep("top_k", [1, 3], tasks, {("lens", "pca"): methods}, roles, manifest, search)
    votes = vote_task("lens", tasks["lens"], {"pca": methods}, roles, manifest, search)
    scores = score_target(votes, np.zeros(len(votes), "u8"), n_bootstrap=2, seed=0)
    for key in ("precision", "recall", "f1"):
        assert table[table["k"] == 3][key].mean() == pytest.approx(scores[key])
