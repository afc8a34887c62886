"""How the answers of a system become labels."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.baselines.features import Spectra
from galspec_core.baselines.system import choose_fit, vote_system
from galspec_core.baselines.train import hold_out
from galspec_core.baselines.votes import SYSTEM_VOTES, best_threshold, by_majority, make_cases, write_system_votes
from galspec_core.encoder.embed import write_embedding
from galspec_core.errors import SearchError
from galspec_core.search.task import build_task_kb, vote_task
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


def test_a_spectrum_without_flux_is_named(spectra):
    with pytest.raises(SearchError, match="specobjid 12"):
        Spectra(spectra).rows([12])


def test_no_position_stands_on_both_sides_of_a_supervised_training():
    position = np.repeat(np.arange(50, dtype="u8"), 3)
    held = hold_out(position, 0)
    assert held.sum() == 15
    assert set(position[held]).isdisjoint(position[~held])
