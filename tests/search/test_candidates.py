"""Candidates: the whole survey is asked but the known targets, the best are kept, and reasons say what the numbers say."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from galspec_core.errors import SearchError
from galspec_core.search import candidate_lines, candidates
from galspec_core.search.calibration import Calibration, estimate_rate
from galspec_core.search.candidates import (
    COLUMNS,
    list_candidates,
    nearest_first,
    nearest_targets,
    score_survey,
    with_reasons,
)
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.reasons import behind_words, reason
from galspec_core.search.task import build_task_kb, open_voter
from galspec_core.search.vote import VoteSettings
from galspec_core.spectra.names import spectrum_name
from galspec_core.spectra.shard import Gridded, write_gridded

N, D, TOP = 240, 6, 25
IDS = np.arange(N, dtype="u8") * np.uint64(3) + np.uint64(2**63)
SEARCH = {"top_k": 3, "weight": "exp", "epsilon": 1e-6, "normalise": "sum", "scale": "median"}
LEARNT = {"methods": ["galspec"], "trees": 15, "seen": 0.8, "min_leaf": 1, "balance": 0.5, "shown": 10}
SPEC = {"target": "Ring", "source": "tables/rings"}


def survey():
    """Return manifest, roles, vectors and labels: rings lie apart; 160 spectra are known, the rest are asked."""
    rng = np.random.default_rng(0)
    label = rng.choice(["SF", "Ring", "Normal"], N, p=[0.4, 0.2, 0.4]).astype(object)
    centre = np.array([{"SF": 0.0, "Ring": 3.0, "Normal": 6.0}[word] for word in label])
    vectors = (centre[:, None] + rng.normal(size=(N, D))).astype("f4")
    manifest = pd.DataFrame({"specobjid": IDS, "position": IDS, "plate": 9000, "mjd": 57000, "fiberid": np.arange(N)})
    manifest = manifest.assign(ra=10.0, dec=0.0, z=0.1, snr=9.0, shard=[f"{i % 3:04d}" for i in range(N)])
    base = np.arange(160)
    columns = {"specobjid": IDS[base], "task": "ring", "seed": 0, "role": "knowledge_base", "subtype": ""}
    return manifest, pd.DataFrame(columns | {"label": label[base]}), vectors, label


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("candidates")
    manifest, roles, vectors, label = survey()
    paths = []
    for shard, part in manifest.groupby("shard"):
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors[part.index].ravel(), pa.float32()), D)
        paths.append(folder / f"{shard}.parquet")
        pq.write_table(
            pa.table({"specobjid": pa.array(part["specobjid"].to_numpy(), pa.uint64()), "embedding": column}), paths[-1]
        )
    build_task_kb("ring", roles, manifest, paths).save(folder / "base")
    return folder / "base", paths, manifest, label


def voter(world, method="pca"):
    return open_voter("ring", "Ring", method, world[0], world[1], VoteSettings.from_config(SEARCH, SPEC), LEARNT)[0]


def listed(world, method="pca", catalogued=None, rate=None):
    """Return the ranked list of one method with its reasons."""
    _, paths, manifest, _ = world
    ranks = voter(world, method)
    scored = score_survey(ranks, paths, manifest, 0, TOP)
    table = list_candidates(scored, ranks, 0, manifest, catalogued or {}, paths, rate)
    return with_reasons(table, "Ring", manifest, method == "galspec")


@pytest.mark.parametrize("method", ["pca", "galspec"])
def test_the_best_of_all_that_are_no_known_target_are_kept_in_order(world, method):
    _, paths, manifest, label = world
    known = set(IDS[:160][label[:160] == "Ring"])
    every = score_survey(voter(world, method), paths, manifest, 0, N)
    assert set(every.best["specobjid"]) == set(IDS) - known
    table = listed(world, method)
    assert table["rank"].tolist() == list(range(1, TOP + 1))
    assert set(table["specobjid"]) == set(every.best["specobjid"][:TOP])
    np.testing.assert_array_equal(table["score"], every.best["score"][:TOP].clip(upper=1.0))
    assert (label[np.searchsorted(IDS, table["specobjid"][:10])] == "Ring").sum() >= 8
    assert set(COLUMNS) <= set(table)


def test_shards_in_any_order_and_one_by_one_give_the_same_list(world):
    _, paths, manifest, _ = world
    ranks = voter(world)
    one = score_survey(ranks, paths[::-1], manifest.sample(frac=1, random_state=1), 0, TOP).best
    pd.testing.assert_frame_equal(one, score_survey(ranks, paths, manifest, 0, TOP).best)


def test_no_more_than_one_shard_is_in_memory(world, monkeypatch):
    _, paths, manifest, _ = world
    ranks, read = voter(world), []

    def load(shards, ids):
        read.append((len(shards), len(ids)))
        return load_embeddings(shards, ids)

    monkeypatch.setattr(candidates, "load_embeddings", load)
    score_survey(ranks, paths, manifest, 0, TOP)
    assert [n for n, _ in read] == [1, 1, 1]
    assert max(n for _, n in read) <= N // 3


def test_lines_behind_are_looked_for_in_each_shard_and_kept_in_their_row(tmp_path, monkeypatch):
    """The encoder is a stand-in that tells a spectrum's redshift, so that a row that was mixed up shows."""
    encoder = SimpleNamespace(
        background=lambda found: SimpleNamespace(z=found.z, snr=found.z * 10, lines=np.tile(found.z[:, None], 4))
    )
    monkeypatch.setattr(candidate_lines, "load_encoder", lambda *_: encoder)
    ids, z = IDS[:6], np.linspace(0.5, 1.0, 6)
    for shard in range(2):
        part, pixels = np.arange(6)[shard::2][::-1], np.ones((3, 8), "f4")
        write_gridded(tmp_path / f"{shard}.parquet", Gridded(ids[part], z[part].astype("f4"), pixels, pixels))
    table = pd.DataFrame({"specobjid": ids[::-1], "shard": [str(i % 2) for i in range(6)][::-1]})
    shards = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    found, said = candidate_lines.lines_behind_candidates(table, ["weights"], shards, True)
    np.testing.assert_allclose(found["z_behind"], z[::-1], rtol=1e-6)
    np.testing.assert_allclose(np.stack(found["lines_behind"])[:, 2], z[::-1], rtol=1e-6)
    assert said == ["no line behind it"] * 6
    assert candidate_lines.lines_behind_candidates(table, [], shards, True)[0]["z_behind"].isna().all()


def test_a_spectrum_of_the_knowledge_base_has_no_vote_for_itself(world):
    _, paths, manifest, _ = world
    best = score_survey(voter(world), paths, manifest, 0, N).best
    assert not any(i in ids for i, ids in zip(best["specobjid"], best["neighbour_ids"], strict=True))


def test_the_reason_counts_the_targets_among_the_neighbours_and_names_the_nearest(world):
    table = listed(world)
    ranks, first = voter(world), table.iloc[0]
    assert first["reason"].startswith("3 of 3 nearest are Ring (nearest Ring 9000-57000-")
    where = np.flatnonzero(ranks.codes == 1)
    vector = survey()[2][np.searchsorted(IDS, first["specobjid"])]
    distance = np.linalg.norm(ranks.base.vectors[where].astype("f8") - vector, axis=1)
    assert f"at d {distance.min():.2f})" in first["reason"]
    np.testing.assert_allclose(first["near_distances"], np.sort(distance)[:3])


def test_only_a_learnt_vote_gives_probabilities_and_they_add_up_to_what_is_expected(world):
    assert listed(world)["probability"].isna().all()
    table = listed(world, "galspec")
    assert table["probability"].between(0, 1).all()
    assert table["reason"].iloc[0].count("of the vote") == 1
    rarer = listed(world, "galspec", rate=0.001)
    assert (rarer["probability"] < table["probability"]).all()
    assert rarer["specobjid"].tolist() == table["specobjid"].tolist()


def test_what_catalogues_say_stands_in_the_reason(world):
    best = listed(world)["specobjid"]
    table = listed(world, catalogued={best[0]: "LINER+Ring", best[1]: "SF"})
    assert "catalogued as Ring, not in the knowledge base" in table["reason"][0]
    assert table["reason"][1].endswith("catalogued as SF")


def test_another_spectrum_of_a_known_target_is_told_from_a_find(world):
    base, paths, manifest, label = world
    known = IDS[np.flatnonzero(label[:160] == "Ring")[0]]
    best = listed(world)["specobjid"][0]
    manifest = manifest.assign(position=manifest["position"].where(manifest["specobjid"] != known, best))
    table = listed((base, paths, manifest, label), catalogued={known: "Ring"})
    name = f"9000-57000-{np.searchsorted(IDS, known):04d}"
    assert f"same place as the known Ring {name}" in table["reason"][0]


def test_of_two_targets_at_one_place_each_names_the_other(world):
    base, paths, manifest, label = world
    pair = listed(world)["specobjid"].head(2).tolist()
    manifest = manifest.assign(position=manifest["position"].where(~manifest["specobjid"].isin(pair), pair[0]))
    table = listed((base, paths, manifest, label), catalogued=dict.fromkeys(pair, "Ring")).set_index("specobjid")
    name = dict(zip(manifest["specobjid"], map(spectrum_name, manifest.itertuples()), strict=True))
    assert [table["repeat_of"][one] for one in pair] == [name[other] for other in pair[::-1]]
    assert [one for one in table.index if table["repeat_of"][one]] == pair


def test_without_a_known_target_there_is_nothing_to_look_for(world):
    base, paths, manifest, _ = world
    ranks = open_voter("ring", "Disc", "pca", base, paths, VoteSettings.from_config(SEARCH, SPEC))[0]
    with pytest.raises(SearchError, match="no Disc in the knowledge base"):
        score_survey(ranks, paths, manifest, 0, TOP)


def test_a_single_known_target_is_near_all_but_itself(world):
    ranks = voter(world)
    alone = np.flatnonzero(ranks.codes == 1)[0]
    metadata = ranks.base.metadata.assign(label=np.where(np.arange(160) == alone, "Ring", "SF"))
    ranks.base = SimpleNamespace(metadata=metadata)
    spectra = pd.DataFrame({"specobjid": IDS[200:202], "position": IDS[200:202]})
    ids, distances = nearest_targets(ranks, 0, spectra, np.zeros((2, D), "f4"))
    assert [len(each) for each in (*ids, *distances)] == [0, 0, 0, 0]


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.4])
def test_the_rate_of_members_is_found_from_probabilities_learnt_at_another(rate):
    """Members and others have scores of two known shapes; the calibration is learnt where they are as many."""
    rng = np.random.default_rng(0)

    def draw(n, share):
        member = rng.random(n) < share
        return 1 / (1 + np.exp(-rng.normal(np.where(member, 1.0, -1.0), 1.0))), member

    calibration = Calibration.fit(*draw(20_000, 0.5))
    share, member = draw(20_000, rate)
    assert estimate_rate(calibration.probability(share), 0.5) == pytest.approx(member.mean(), rel=0.15)


def test_lines_behind_are_named_by_their_strength():
    found = SimpleNamespace(
        z=[0.62, 0.8, 0.5], snr=[9.2, 4.0, 1.0], lines=[[7.0, 0.5, 6.0, 0], [4.0, 0, 0, 0], [1, 0, 0, 0]]
    )
    words = behind_words(found)
    assert words[0] == "lines at z 0.6200 behind it: S/N [O II] 3727 7.0, [O III] 5007 6.0 (together 9.2)"
    assert words[1].startswith("one line at z 0.8000")
    assert words[2] == "no line behind it"


def test_a_spectrum_unlike_all_others_is_told_so():
    row = SimpleNamespace(
        neighbour_labels=["Ring", "SF"],
        near_ids=[],
        near_distances=[],
        score=0.5,
        catalogued="",
        known=False,
        repeat_of="",
    )
    assert reason(row, "Ring", {}, False) == (
        "1 of 2 nearest is Ring; unlike every spectrum of the knowledge base: judge with care"
    )


def test_of_equal_scores_the_nearer_to_a_known_target_comes_first():
    table = pd.DataFrame({"specobjid": [1, 2, 3, 4], "score": [0.5, 1.0, 1.0, 1.0]})
    table["near_distances"] = [np.array([0.1]), np.array([2.0, 3.0]), np.array([]), np.array([1.0, 9.0])]
    assert nearest_first(table)["specobjid"].tolist() == [4, 2, 3, 1]
    assert nearest_first(table)["rank"].tolist() == [1, 2, 3, 4]
