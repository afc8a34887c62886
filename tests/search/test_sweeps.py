"""Sweeps change what they say they change and nothing else; at the configured value they are the vote itself."""

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

N, Q, D = 300, 80, 5
IDS = np.arange(N + Q, dtype="u8") + np.uint64(2**63)
SEARCH = dict(top_k=3, weight="exp", epsilon=1e-6, normalise="sum", scale="median")
SPEC = dict(target="LINER")
CENTRE = {"SF": 0.0, "Normal": 1.0, "LINER": 2.0, "LINER+Lens": 2.5}
WORDS = np.random.default_rng(0).choice(list(CENTRE), N + Q).astype(object)
VECTORS = np.array([CENTRE[word] for word in WORDS])[:, None] + np.random.default_rng(1).normal(size=(N + Q, D))
POSITION = np.arange(N + Q, dtype="u8") // np.uint64(3)  # repeats, one of them on both sides


@pytest.fixture(scope="module")
def bench():
    """Give a knowledge base whose classes overlap, of which a seed has five entries in six, and its test spectra."""
    entries = pd.DataFrame({"specobjid": IDS[:N], "position": POSITION[:N], "label": WORDS[:N]})
    entries["seeds"] = [[0, 1] if i % 6 else [1] for i in range(N)]
    tests = pd.DataFrame({"specobjid": IDS[N:], "position": POSITION[N:], "label": WORDS[N:]})
    base = KnowledgeBase.build(VECTORS[:N], entries)
    where = np.array([0 in seeds for seeds in entries["seeds"]])
    return Bench(base, "LINER", VoteSettings.from_config(SEARCH), 0, where, tests, VECTORS[N:].astype("f4"))


@pytest.fixture(scope="module")
def named(bench):
    """Give which test spectra the search's own vote calls targets: bool[Q]."""
    votes = Voter("liner", "LINER", bench.base, bench.settings).votes(0, bench.tests, bench.queries)
    return (votes["predicted"] == "LINER").to_numpy()


@pytest.mark.parametrize("k", [1, 3, 7])
def test_each_k_is_the_vote_with_that_k(bench, k):
    settings = VoteSettings.from_config(SEARCH | {"top_k": k})
    votes = Voter("liner", "LINER", bench.base, settings).votes(0, bench.tests, bench.queries)
    expected = bench.measure((votes["predicted"] == "LINER").to_numpy())
    assert dict(sweep_top_k(bench, [1, 3, 7, 11]))[k] == expected


def test_a_k_that_the_knowledge_base_cannot_give_is_passed_over(bench):
    assert [k for k, _ in sweep_top_k(bench, [3, 250, 10_000])] == [3]


def test_all_entries_are_the_unswept_vote_and_come_once(bench, named):
    total = int(bench.where.sum())
    assert dict(sweep_base_size(bench, [50, total, 10 * total, "all"])) == {
        50: dict(sweep_base_size(bench, [50]))[50],
        total: bench.measure(named),
    }


def test_without_a_wrong_label_the_vote_is_unswept(bench, named):
    measured = dict(sweep_wrong_labels(bench, [0.0, 0.5]))
    assert measured[0.0] == bench.measure(named)
    assert measured[0.5]["f1"] < measured[0.0]["f1"]


def test_a_share_is_searched_among_its_entries_alone(bench):
    where = with_share(bench.where, bench.codes == 1, 0.1, bench.seed)
    alone = KnowledgeBase.build(bench.base.vectors[where], bench.base.metadata[where])
    object.__setattr__(alone, "about", bench.base.about)  # the unit of distance stays that of the whole
    votes = Voter("liner", "LINER", alone, bench.settings).votes(0, bench.tests, bench.queries)
    expected = bench.measure((votes["predicted"] == "LINER").to_numpy())
    assert dict(sweep_target_share(bench, [0.1]))[0.1] == expected


def test_measures_are_those_of_the_counts(bench):
    member = np.array(["LINER" in word.split("+") for word in WORDS[N:]])
    rows = np.flatnonzero(member)
    named = member.copy()
    named[rows[:5]] = False  # five missed
    named[np.flatnonzero(~member)[:2]] = True  # two wrongly named
    right = len(rows) - 5
    measured = bench.measure(named)
    assert measured["precision"] == pytest.approx(right / (right + 2))
    assert measured["recall"] == pytest.approx(right / len(rows))
    assert measured["f1"] == pytest.approx(2 * right / (2 * right + 7))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5, 0.6, 0.9])
@pytest.mark.parametrize("n_targets", [20, 150, 380])
def test_a_share_is_met_within_an_entry_by_as_many_as_there_are(share, n_targets):
    target, where = np.arange(500) < n_targets, np.arange(500) % 10 > 0
    kept = with_share(where, target, share, seed=0)
    assert not (kept & ~where).any()
    assert abs((kept & target).sum() - share * kept.sum()) <= 0.5
    most = min((where & target).sum() / share, (where & ~target).sum() / (1 - share))  # in fractions of entries
    assert abs(kept.sum() - most) <= 0.5 / share + 0.5 / (1 - share)
    assert np.array_equal(kept, with_share(where, target, share, seed=0))
    assert 0.01 < share or not np.array_equal(kept, with_share(where, target, share, seed=1))


def test_a_larger_knowledge_base_has_all_of_a_smaller_ones():
    where = np.arange(100) % 4 > 0
    parts = [some_of(where, n, seed=3) for n in (1, 10, 40, 75, 200)]
    assert [int(part.sum()) for part in parts] == [1, 10, 40, 75, 75]
    assert all((small <= large).all() for small, large in zip(parts[:-1], parts[1:], strict=True))
    assert (parts[-1] == where).all()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_exactly_the_share_has_a_wrong_label_that_others_have(share):
    where = np.arange(N) % 3 > 0
    before = WORDS[:N].copy()
    wrong = mislabel(WORDS[:N], where, share, seed=5)
    assert (wrong != WORDS[:N]).sum() == round(share * where.sum())
    assert (wrong[~where] == WORDS[:N][~where]).all()
    assert set(wrong) <= set(WORDS[:N])
    assert (before == WORDS[:N]).all()  # what was given is left as it was


def test_a_knowledge_base_of_one_label_has_no_wrong_one():
    words = np.array(["SF"] * 9, dtype=object)
    assert (mislabel(words, np.ones(9, bool), 0.5, seed=0) == words).all()


def test_a_sweeps_table_agrees_with_the_votes_of_the_task(tmp_path):
    manifest = pd.DataFrame({"specobjid": IDS, "position": POSITION})
    parts = []
    for seed in (0, 1):
        rows = np.random.default_rng(seed).permutation(N)[:200]
        for role, some in (("knowledge_base", rows), ("test", np.arange(N + 2, N + Q))):
            columns = dict(specobjid=IDS[some], task="liner", seed=seed, role=role, label=WORDS[some], subtype="")
            parts.append(pd.DataFrame(columns))
    roles, path = pd.concat(parts, ignore_index=True), tmp_path / "embedding.parquet"
    write_embedding(path, IDS, VECTORS.astype("f4"))
    build_task_kb("liner", roles, manifest, [path]).save(tmp_path / "kb")
    methods = (tmp_path / "kb", [path])
    table = run_sweep("top_k", [1, 3], {"liner": SPEC}, {("liner", "pca"): methods}, roles, manifest, SEARCH)
    assert list(table.columns) == ["task", "method", "k", "seed", "precision", "recall", "f1"]
    assert list(zip(table["seed"], table["k"], strict=True)) == [(0, 1), (0, 3), (1, 1), (1, 3)]
    votes = vote_task("liner", SPEC, {"pca": methods}, roles, manifest, SEARCH)
    scores = score_target(votes, np.zeros(len(votes), "u8"), n_bootstrap=2, seed=0)
    for key in ("precision", "recall", "f1"):
        assert table[table["k"] == 3][key].mean() == pytest.approx(scores[key])
