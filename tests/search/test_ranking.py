"""Ranking against controls like the targets: what knows redshift only falls to chance, what knows targets does not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from galspec_core.errors import SearchError
from galspec_core.search.ranking import (
    COLUMNS,
    MATCHED,
    PAPER,
    QUERY,
    Ranked,
    imbalance,
    match,
    measures,
    ranking,
    resolved,
    weigh,
)

N, TARGETS = 3000, 100


def survey(seed=0, n=N, targets=TARGETS, instruments=("SDSS", "BOSS")):
    """Return votes without a score and their manifest: targets stand at higher redshift, in one instrument more often."""
    rng = np.random.default_rng(seed)
    member = np.arange(n) < targets
    ids = np.arange(n, dtype="u8") + np.uint64(2**63)
    z = np.where(member, rng.normal(0.3, 0.05, n), rng.uniform(0.02, 0.5, n))
    manifest = pd.DataFrame(
        {
            "specobjid": ids,
            "z": z,
            "snr": 10 ** rng.normal(1 - z, 0.15),
            "instrument": np.where(rng.random(n) < np.where(member, 0.8, 0.5), *instruments),
            "position": ids // np.uint64(2),
        }
    )
    label = np.where(member, "Lens", "other")
    votes = pd.DataFrame({"specobjid": ids, "method": "m", "seed": 0, "label": label, "predicted": label})
    return votes, manifest


def facts(votes, manifest):
    return votes.merge(manifest, on="specobjid").assign(extra=False)


def test_a_score_that_knows_redshift_only_is_good_against_all_and_chance_against_matched_controls():
    votes, manifest = survey()
    votes["score"] = -np.abs(manifest["z"] - 0.3)
    table = ranking({"lens": votes}, manifest, 200).set_index(["mix", "ratio"])
    assert table.loc[(PAPER, 29), "roc_auc"] > 0.8
    for ratio in (1, 100):
        assert table.loc[(MATCHED, ratio), "roc_auc_lo"] < 0.5 < table.loc[(MATCHED, ratio), "roc_auc_hi"]


def test_a_score_that_knows_the_targets_keeps_its_rank_against_matched_controls():
    votes, manifest = survey()
    rng = np.random.default_rng(1)
    votes["score"] = rng.normal(3.0 * (votes["label"] == "Lens"), 1)
    table = ranking({"lens": votes}, manifest, 50).set_index(["mix", "ratio"])
    assert table["roc_auc"].between(0.96, 1).all()  # two normals 3 σ apart: 0.983
    assert (table["roc_auc_lo"] <= table["roc_auc"]).all()


def test_weighted_measures_agree_with_scikit_learn_and_with_repetition():
    rng = np.random.default_rng(2)
    member, score = rng.random(200) < 0.3, np.round(rng.normal(size=200), 1)  # with ties
    weight = rng.integers(1, 4, 200)
    ranked = Ranked(member, score > 0, score, weight.astype(float), np.zeros(200, int))
    ratio = weight[~member].sum() / weight[member].sum()
    found = {name: value[0] for name, value in measures(ranked, ranked.weight[None], ratio).items()}
    repeated = np.repeat(member, weight), np.repeat(score, weight)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(*repeated))
    assert found["average_precision"] == pytest.approx(average_precision_score(*repeated))


def test_average_precision_falls_with_the_ratio_and_roc_auc_does_not():
    rng = np.random.default_rng(3)
    member = np.arange(400) < 200
    ranked = Ranked(member, member, rng.normal(member, 1), np.ones(400), np.arange(400))
    one, hundred = (measures(ranked, ranked.weight[None], ratio) for ratio in (1, 100))
    assert one["roc_auc"] == hundred["roc_auc"]
    assert one["recall_fp1"] == hundred["recall_fp1"]
    assert one["average_precision"] > 0.5 > hundred["average_precision"]


def test_naming_everything_has_the_f1_of_the_floor():
    votes, manifest = survey()
    votes = votes.assign(predicted="Lens", score=0.0)
    table = ranking({"lens": votes}, manifest, 5)
    assert np.allclose(table["f1"], table["f1_floor"])
    assert table.set_index("ratio")["f1_floor"].to_dict() == pytest.approx({1: 2 / 3, 29: 2 / 31, 100: 2 / 102})
    assert np.allclose(table["roc_auc"], 0.5)


def test_a_recall_names_no_more_negatives_than_its_rate_allows():
    score = np.r_[np.full(50, 5.0), np.arange(1000) / 100]  # 499 negatives stand above 5, 10 at 9.90 and above
    member = np.arange(1050) < 50
    for level, expected in ((9.895, 1.0), (9.885, 0.0)):
        score[:50] = level
        ranked = Ranked(member, member, score, np.ones(1050), np.arange(1050))
        assert measures(ranked, ranked.weight[None], 1)["recall_fp1"][0] == expected


def test_too_few_negatives_leave_a_rate_empty_and_say_so():
    votes, manifest = survey(n=600)
    votes["score"] = np.random.default_rng(0).random(600)
    table = ranking({"lens": votes}, manifest, 5)
    assert table["recall_fp01"].isna().all()
    assert table["note"].str.contains("fewer than 1000 negatives").all()
    assert resolved(1000, 0.001)
    assert not resolved(999, 0.001)


def test_controls_are_used_once_where_there_are_enough_and_are_of_the_same_instrument():
    votes, manifest = survey()
    frame = facts(votes, manifest)
    targets, pool = frame[frame["label"] == "Lens"], frame[frame["label"] == "other"]
    weight = match(targets, pool, 1)
    assert set(weight) == {0.0, 1.0}
    assert weight.sum() == TARGETS
    counts = pool[weight > 0]["instrument"].value_counts()
    assert counts.to_dict() == targets["instrument"].value_counts().to_dict()


def test_shared_weights_follow_the_targets():
    votes, manifest = survey()
    frame = facts(votes, manifest)
    weight = weigh(frame, MATCHED, 100)
    negative = (frame["label"] == "other").to_numpy()
    assert weight[negative].sum() == pytest.approx(100 * TARGETS)
    shares = [frame["instrument"][rows].eq("SDSS").to_numpy() for rows in (negative, ~negative)]
    assert np.average(shares[0], weights=weight[negative]) == pytest.approx(shares[1].mean())
    assert imbalance(frame, weight) < 0.1 < imbalance(frame, weigh(frame, PAPER, 100))
    ranked = Ranked(~negative, ~negative, weight, weight, weight)
    assert 100 < ranked.effective() < negative.sum()


def test_the_effective_number_of_equal_weights_is_their_number():
    member = np.arange(10) < 4
    assert Ranked(member, member, member, np.full(10, 7.0), member).effective() == pytest.approx(6)


def test_more_negatives_resolve_lower_rates_and_leave_the_papers_mix_alone():
    votes, manifest = survey(n=600)
    votes["score"] = np.random.default_rng(0).random(600)
    queries, more = survey(seed=5, n=9000, targets=0)
    queries["specobjid"] += np.uint64(10**6)
    more["specobjid"] += np.uint64(10**6)
    more["position"] += np.uint64(10**6)
    queries = queries.assign(score=np.random.default_rng(1).random(9000))
    alone = ranking({"lens": votes}, manifest, 20).set_index(["mix", "ratio"])
    both = ranking({"lens": votes}, pd.concat([manifest, more]), 20, queries={"lens": queries})
    both = both.set_index(["mix", "ratio"])
    assert set(both.index.get_level_values("mix")) == {PAPER, MATCHED, QUERY}
    assert both.loc[(PAPER, 5), "roc_auc"] == alone.loc[(PAPER, 5), "roc_auc"]
    assert np.isfinite(both.loc[(QUERY, 1), "recall_fp01"])
    assert both.loc[(MATCHED, 100), "n_effective"] > 3 * alone.loc[(MATCHED, 100), "n_effective"]


def test_positions_and_not_spectra_are_redrawn():
    """The same spectra under four times fewer positions: the interval is about twice as wide."""
    votes, manifest = survey()
    votes["score"] = np.random.default_rng(4).normal(1.0 * (votes["label"] == "Lens"), 1)
    lens = (votes["label"] == "Lens").to_numpy()
    votes.loc[lens, "score"] = np.repeat(votes.loc[lens, "score"].to_numpy()[::4], 4)
    widths = []
    for size in (1, 4):
        manifest["position"] = manifest["specobjid"] // np.uint64(size)
        row = ranking({"lens": votes}, manifest, 300).iloc[0]
        widths.append(row["roc_auc_hi"] - row["roc_auc_lo"])
    assert 1.5 < widths[1] / widths[0] < 2.7


def test_every_seed_of_every_method_is_in_and_the_columns_are_promised():
    votes, manifest = survey()
    votes["score"] = 0.0
    several = pd.concat([votes.assign(seed=s, method=m) for s in (0, 1) for m in ("a", "b")])
    table = ranking({"lens": several, "liner": several}, manifest, 5, notes={"a": "a word"})
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 2 * 3  # tasks, methods; all others, and controls at two ratios
    assert (table["n_seeds"] == 2).all()
    assert table.loc[table["method"] == "a", "note"].str.startswith("a word").all()


def test_a_seed_without_targets_is_left_out_of_the_means():
    votes, manifest = survey()
    votes["score"] = np.random.default_rng(6).normal(2.0 * (votes["label"] == "Lens"), 1)
    empty = votes[votes["label"] == "other"].assign(seed=1)
    alone = ranking({"lens": votes}, manifest, 5)
    both = ranking({"lens": pd.concat([votes, empty])}, manifest, 5)
    assert both["roc_auc"].tolist() == alone["roc_auc"].tolist()


def test_targets_whose_instrument_has_no_controls_give_no_number_and_say_so():
    votes, manifest = survey(n=600)
    manifest["instrument"] = np.where(votes["label"] == "Lens", "BOSS", "SDSS")
    table = ranking({"lens": votes.assign(score=0.0)}, manifest, 5).set_index(["mix", "ratio"])
    assert table.loc[MATCHED, "roc_auc"].isna().all()
    assert table.loc[MATCHED, "note"].str.contains("no negative").all()
    assert table.loc[PAPER, "roc_auc"].notna().all()


def test_a_spectrum_without_a_place_in_the_manifest_is_named():
    votes, manifest = survey(n=300)
    with pytest.raises(SearchError, match=str(2**63)):
        ranking({"lens": votes.assign(score=0.0)}, manifest.iloc[1:], 5)
