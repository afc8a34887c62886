"""How the answers of a system become labels."""

import numpy as np
import pandas as pd
import pytest
import torch

from galspec_core.baselines.data import embed_system, load_network
from galspec_core.baselines.features import Spectra
from galspec_core.baselines.system import choose_embedded, choose_fit, vote_system
from galspec_core.baselines.train import hold_out, train_network, train_supervised
from galspec_core.baselines.votes import (
    SYSTEM_VOTES,
    Case,
    EmbeddingVoter,
    by_majority,
    by_network,
    by_network_scores,
    by_scores,
    by_threshold,
    make_cases,
    write_system_votes,
)
from galspec_core.encoder.embed import write_embedding
from galspec_core.errors import ConfigError, SearchError
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import best_threshold
from galspec_core.search.task import Voter, build_task_kb, task_entries, vote_task, with_manifest
from galspec_core.search.vote import VoteSettings
from galspec_core.spectra.shard import write_gridded

SEARCH = dict(top_k=3, weight="exp", epsilon=1e-6, normalise="sum", scale="median")
TARGET = dict(target="LINER")


@pytest.mark.parametrize("seed", range(5))
def test_the_best_threshold_is_that_of_trying_all(seed):
    rng = np.random.default_rng(seed)
    score, member = rng.integers(0, 12, 60).astype("f8"), rng.random(60) < 0.3

    def f1(threshold):
        named = score >= threshold
        return 2 * (named & member).sum() / (named.sum() + member.sum())

    best = best_threshold(score, member)
    assert f1(best) == max(f1(t) for t in np.unique(score))
    assert best == max(t for t in np.unique(score) if f1(t) == f1(best))


def test_without_a_member_nothing_is_named():
    assert best_threshold(np.arange(4.0), np.zeros(4, dtype=bool)) == np.inf


class Names:
    """Inputs that are the ids themselves."""

    def rows(self, ids):
        return np.asarray(ids, dtype="i8")


def test_a_cluster_has_the_class_of_most_and_an_empty_one_that_of_all():
    frame = pd.DataFrame({"specobjid": [1, 2, 3, 4, 5, 6, 7], "task": "liner", "seed": 0, "subtype": ""})
    frame["label"] = ["LINER", "LINER", "SF", "SF", "SF", "LINER", "SF"]
    frame["role"] = ["knowledge_base"] * 5 + ["test"] * 2
    clusters = {1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 0, 7: 9}
    votes = by_majority(
        make_cases("liner", "LINER", frame)[0], lambda ids: np.array([clusters[i] for i in ids]), Names()
    )
    assert votes["predicted"].tolist() == ["LINER", "other"]
    assert votes["score"].tolist() == pytest.approx([2 / 3, 2 / 5])


def test_codes_say_who_is_the_target(roles):
    first, second = make_cases("liner", "LINER", roles)
    assert first.names == ["other", "LINER"]
    assert (first.codes == (first.entries["label"] == "LINER")).all()
    assert set(first.entry_ids).isdisjoint(first.test_ids)
    assert second.seed == 1


def test_flux_votes_as_the_search_does_with_the_same_embedding(tmp_path, spectra, roles, manifest):
    """Two ways to one vote: the system's, and the search over the same vectors written as an embedding."""
    write_gridded(tmp_path / "0000.parquet", spectra)
    settings = VoteSettings.from_config(SEARCH, TARGET)
    entry = dict(kind="flux", grid="rest")
    parts = vote_system(
        "knn", entry, [("liner", "LINER", roles, settings)], manifest, {"shards": [tmp_path / "0000.parquet"]}
    )
    ours = pd.concat(parts)
    write_embedding(tmp_path / "embedding.parquet", spectra.specobjid, spectra.flux.clip(-2, 10))
    build_task_kb("liner", roles, manifest, [tmp_path / "embedding.parquet"]).save(tmp_path / "kb")
    methods = {"flux": (tmp_path / "kb", [tmp_path / "embedding.parquet"])}
    theirs = vote_task("liner", TARGET, methods, roles, manifest, SEARCH)
    assert ours["predicted"].tolist() == theirs["predicted"].tolist()
    assert np.allclose(ours["score"], theirs["score"])
    position = manifest.set_index("specobjid")["position"]
    for vote in ours.itertuples():
        assert position[vote.specobjid] not in set(position[list(vote.neighbour_ids)])


@pytest.mark.parametrize(
    "entry",
    [
        dict(kind="svm", grid="rest", components=3, c=1.0, balanced=True),
        dict(kind="kmeans", grid="rest", components=3, clusters=4),
        dict(kind="forest_outliers", grid="rest", trees=10, bin=10, reference=50),
    ],
    ids=lambda entry: entry["kind"],
)
def test_every_family_votes_on_every_test_spectrum_of_every_seed(tmp_path, spectra, roles, manifest, entry):
    write_gridded(tmp_path / "0000.parquet", spectra)
    tasks = [("liner", "LINER", roles, VoteSettings.from_config(SEARCH, TARGET))]
    pretrain = roles[roles["role"] == "knowledge_base"].assign(role="pretrain", task="")
    fit_ids = choose_fit(entry, pretrain, 40)
    parts = vote_system("x", entry, tasks, manifest, {"shards": [tmp_path / "0000.parquet"]}, fit_ids)
    write_system_votes(parts, tmp_path / "votes.parquet", "x")
    votes = pd.read_parquet(tmp_path / "votes.parquet")
    assert list(votes.columns) == SYSTEM_VOTES.names
    tests = roles[roles["role"] == "test"]
    assert sorted(zip(votes["specobjid"], votes["seed"], strict=True)) == sorted(
        zip(tests["specobjid"], tests["seed"], strict=True)
    )
    assert set(votes["predicted"]) <= {"LINER", "other"}


def test_a_networks_embedding_is_made_once_for_its_vote_and_for_a_flow_on_it(tmp_path, spectra, roles, manifest):
    pytest.importorskip("spender")
    write_gridded(tmp_path / "0000.parquet", spectra)
    training = dict(seed=0, batch=16, steps=4, warmup=1, lr=1e-3, validate_every=2)
    entry = dict(kind="vae", grid="rest", hidden=[8], latents=2, beta=0.1, training=training)
    grid = dict(frame="rest", spacing="linear", wave=[3500.0, 7000.0], pixels=spectra.flux.shape[1])
    run, shards = dict(device="cpu", torch_threads=1), [tmp_path / "0000.parquet"]
    files = tmp_path / "checkpoint", tmp_path / "weights.safetensors", tmp_path / "history.csv"
    train_network("net", entry, run, grid, shards, spectra.specobjid, spectra.specobjid[:0], *files)
    flow = dict(kind="flow", of="net", hidden=8, transforms=1, lr=1e-3, batch=32, epochs=2)
    pretrain = roles[roles["role"] == "knowledge_base"].assign(role="pretrain", task="")
    ids = choose_embedded([flow], pd.concat([roles, pretrain]), 40)
    embed_system("net", files[1], shards, ids, tmp_path / "embedding.parquet", run)
    tasks = [("liner", "LINER", roles, VoteSettings.from_config(SEARCH, TARGET))]
    sources = {"embedding": tmp_path / "embedding.parquet"}
    for system, fit_ids in ((entry, ()), (flow, choose_fit(flow, pretrain, 40))):
        votes = pd.concat(vote_system("x", system, tasks, manifest, sources, fit_ids))
        assert sorted(votes["specobjid"]) == sorted(roles.loc[roles["role"] == "test", "specobjid"])
        assert np.isfinite(votes["score"]).all()


def test_a_spectrum_without_flux_is_named(spectra):
    with pytest.raises(SearchError, match="specobjid 12"):
        Spectra(spectra).rows([12])


def test_no_position_stands_on_both_sides_of_a_supervised_training():
    position = np.repeat(np.arange(50, dtype="u8"), 3)
    held = hold_out(position, 0)
    assert held.sum() == 15
    assert set(position[held]).isdisjoint(position[~held])


def made_case(names, target=None, n=4):
    """Return a case of n test spectra without entries."""
    tests = pd.DataFrame({"specobjid": np.arange(n, dtype="u8"), "label": ["SF"] * n})
    return Case("liner" if target else "bpt3", target, 3, names, tests[:0], np.empty(0, "i8"), tests)


def test_the_highest_score_is_the_prediction():
    scores = np.random.default_rng(0).dirichlet(np.ones(3), 4)
    votes = by_scores(made_case(["AGN", "Normal", "SF"]), scores)
    assert votes["predicted"].tolist() == [["AGN", "Normal", "SF"][i] for i in scores.argmax(axis=1)]
    assert votes["share"].tolist() == votes["score"].tolist() == scores.max(axis=1).tolist()
    assert (votes["seed"] == 3).all()


def test_the_targets_score_ranks_the_spectra():
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    votes = by_scores(made_case(["other", "LINER"], "LINER"), scores)
    assert votes["score"].tolist() == scores[:, 1].tolist()
    assert votes["predicted"].tolist() == ["other", "LINER", "LINER", "other"]
    assert set(votes["label"]) == {"other"}


def test_equal_scores_are_named_together_or_not_at_all():
    assert best_threshold(np.ones(6), np.arange(6) < 2) == 1.0
    assert best_threshold(np.array([3.0, 3.0, 1.0]), np.array([True, False, False])) == 3.0


def test_a_threshold_is_chosen_without_the_test_set(roles, spectra):
    """Scores that are the labels: the threshold parts the entries, whatever the test spectra score."""
    case = make_cases("liner", "LINER", roles)[0]
    known = dict(zip(case.entry_ids, case.codes, strict=True))
    votes = by_threshold(case, lambda rows: np.array([known.get(i, 0.5) for i in rows.specobjid]), Spectra(spectra))
    assert set(votes["predicted"]) == {"other"}
    votes = by_threshold(case, lambda rows: np.array([known.get(i, 1.0) for i in rows.specobjid]), Spectra(spectra))
    assert set(votes["predicted"]) == {"LINER"}
    assert votes["share"].isna().all()


def test_a_score_names_no_three_classes(roles, spectra):
    case = make_cases("bpt3", None, roles)[0]
    with pytest.raises(ConfigError, match="names no classes"):
        by_threshold(case, lambda rows: np.zeros(len(rows)), Spectra(spectra))


def test_codes_of_classes_are_those_of_the_names(roles):
    for case in make_cases("bpt3", None, roles):
        assert case.names == ["AGN", "Normal"]  # Seyfert and LINER are AGN
        words = case.entries["label"].map({"LINER": "AGN", "Normal": "Normal"}).tolist()
        assert [case.names[code] for code in case.codes] == words
        assert (np.diff(case.entry_ids.astype("f8")) >= 0).all()


@pytest.mark.parametrize(("task", "target"), [("liner", "LINER"), ("bpt3", None)])
def test_an_embedding_votes_as_the_searchs_voter_and_never_by_its_own_position(spectra, roles, manifest, task, target):
    """Every third spectrum is a test spectrum, its repeat an entry that lies nearest of all."""
    role = np.where(np.arange(len(spectra)) % 3 == 0, "test", "knowledge_base")
    roles = roles.assign(role=np.tile(role, 2), task=task)
    vectors = np.random.default_rng(0).standard_normal((len(spectra), 5)).astype("f4")
    vectors[1::2] = vectors[::2] + 1e-3  # a position's two spectra are as good as one
    settings = VoteSettings.from_config(SEARCH)
    data = Spectra(spectra)
    voter = EmbeddingVoter(task, target, roles, manifest, lambda ids: vectors[data.places(ids)], settings, 1)
    entries = with_manifest(task_entries(task, roles), manifest)
    base = KnowledgeBase.build(vectors[data.places(entries["specobjid"])], entries)
    position = manifest.set_index("specobjid")["position"]
    for case in make_cases(task, target, roles):
        ours = voter.votes(case)
        tests = with_manifest(case.tests, manifest)
        theirs = Voter(task, target, base, settings).votes(case.seed, tests, vectors[data.places(case.test_ids)])
        pd.testing.assert_frame_equal(ours.drop(columns="seed"), theirs)
        assert len(set(position[case.test_ids]) & set(position[case.entry_ids])) > 10
        for vote in ours.itertuples():
            assert position[vote.specobjid] not in set(position[list(vote.neighbour_ids)])


def test_held_out_positions_are_a_tenth_whatever_their_order():
    position = np.repeat(np.arange(100, dtype="u8"), np.arange(100) % 4 + 1)
    held, order = hold_out(position, 0), np.random.default_rng(0).permutation(len(position))
    assert len(np.unique(position[held])) == 10
    assert np.array_equal(hold_out(position[order], 0), held[order])
    assert not np.array_equal(hold_out(position, 1), held)


def test_scores_of_a_network_go_to_the_classes_that_it_learnt():
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    case = made_case(["AGN", "Normal", "SF"])
    votes = by_network_scores(case, {"classes": ["AGN", "SF"]}, scores)
    assert votes["predicted"].tolist() == ["AGN", "SF", "SF", "AGN"]
    assert votes["score"].tolist() == [0.9, 0.6, 0.8, 0.7]


def test_a_network_trained_on_a_case_names_only_what_the_case_has(tmp_path, spectra, roles, manifest):
    """Two of three names have entries; from shards to votes, twice to the same weights."""
    for i, rows in enumerate((slice(0, 50), slice(50, 120))):
        write_gridded(tmp_path / f"{i:04d}.parquet", spectra[rows])
    case = make_cases("bpt3", None, roles)[0]
    codes = np.where(case.codes == 1, 2, 0)
    case = Case(case.task, None, case.seed, ["AGN", "Composite", "Normal"], case.entries, codes, case.tests)
    position = manifest.set_index("specobjid")["position"].loc[case.entry_ids].to_numpy()
    training = dict(seed=0, batch=16, steps=4, warmup=1, lr=1e-3, validate_every=2)
    entry = dict(kind="galspecnet", grid="rest", dropout=0.0, balanced=True, training=training)
    grid = dict(frame="rest", spacing="linear", wave=[3500.0, 7000.0], pixels=spectra.flux.shape[1])
    run, shards = dict(device="cpu", torch_threads=1), sorted(tmp_path.glob("*.parquet"))
    for name in ("a", "b"):
        out = tmp_path / name
        files = out / "checkpoint", out / "weights.safetensors", out / "history.csv"
        train_supervised("net", entry, run, grid, shards, case, position, *files)
    network, learnt = load_network(tmp_path / "a/weights.safetensors", run)
    assert learnt["classes"] == ["AGN", "Normal"]
    again = load_network(tmp_path / "b/weights.safetensors", run)[0].model.state_dict()
    assert all(torch.equal(value, again[key]) for key, value in network.model.state_dict().items())
    votes = by_network(tmp_path / "a/weights.safetensors", Spectra(spectra), case, run)
    assert votes["specobjid"].tolist() == case.test_ids.tolist()
    assert set(votes["predicted"]) <= {"AGN", "Normal"}
    assert votes["score"].between(0.5, 1).all()
