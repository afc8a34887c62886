"""Metrics with known values, and intervals that mean what they say."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.metrics import (
    Counts,
    accuracy,
    best_factors,
    bootstrap_f1,
    count,
    f1,
    interval,
    precision,
    rank_metrics,
    recall,
    score_classes,
    score_target,
)


def frame(label, predicted, score=None, seed=0):
    """Return votes on spectra numbered from 2^63."""
    n = len(label)
    ids = np.arange(n, dtype="u8") + np.uint64(2**63)
    score = np.array([p != "other" for p in predicted], float) if score is None else score
    return pd.DataFrame({"specobjid": ids, "seed": seed, "label": label, "predicted": predicted, "score": score})


def draw(n, rng, sensitivity=0.8, false_positives=0.1, prevalence=0.4):
    """Return labels and predictions of a classifier with known rates."""
    label = rng.random(n) < prevalence
    return label, rng.random(n) < np.where(label, sensitivity, false_positives)


def f1_interval(label, predicted, position, n=300):
    """Return the interval of F1 for one seed."""
    counts = count(label, predicted, np.zeros(len(label)), position, [True])
    return interval(bootstrap_f1(counts, n, np.random.default_rng(1))[:, 0])


def test_known_values():
    counts = Counts(np.array(6.0), np.array(2.0), np.array(4.0))
    assert precision(counts) == pytest.approx(0.75)
    assert recall(counts) == pytest.approx(0.6)
    assert f1(counts) == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert accuracy(counts, 20) == pytest.approx(0.7)


def test_counts_are_those_of_each_seed_class_and_position():
    label = np.array(["a", "b", "a", "b", "a"], object)
    predicted = np.array(["a", "a", "b", "b", "a"], object)
    counts = count(label, predicted, np.array([1, 1, 2, 2, 2]), np.array([9, 5, 5, 5, 9]), ["a", "b"])
    np.testing.assert_array_equal(counts.tp, [[[0, 1], [0, 0]], [[0, 1], [1, 0]]])
    np.testing.assert_array_equal(counts.fp, [[[1, 0], [0, 0]], [[0, 0], [1, 0]]])
    np.testing.assert_array_equal(counts.fn, [[[0, 0], [1, 0]], [[1, 0], [0, 0]]])


def test_f1_agrees_with_scikit_learn():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(5)
    names = np.array(["LINER", "SF", "Normal"], object)
    label, predicted = rng.choice(names, 300), rng.choice(names, 300)
    scores = score_classes(frame(label, predicted), np.arange(300), 20, 0)
    for name, value in zip(sorted(names), f1_score(label, predicted, average=None), strict=True):
        assert scores[name]["f1"] == pytest.approx(value)
    assert scores["macro"]["f1"] == pytest.approx(f1_score(label, predicted, average="macro"))
    assert scores["macro"]["n"] == 300
    assert list(scores) == ["LINER", "Normal", "SF", "macro"]


def test_rank_metrics_of_perfect_reversed_and_blind_scores():
    member = np.array([True, True, False, False])
    assert rank_metrics(member, [4, 3, 2, 1]) == (1.0, 1.0)
    assert rank_metrics(member, [1, 2, 3, 4])[1] == 0.0
    assert rank_metrics(member, [1, 1, 1, 1]) == (0.5, 0.5)
    assert np.isnan(rank_metrics(~member | True, [1, 2, 3, 4])[1])
    assert np.isnan(rank_metrics(member & False, [1, 2, 3, 4])).all()


def test_the_interval_of_a_perfect_classifier_has_no_width():
    label = np.arange(100) % 3 == 0
    assert f1_interval(label, label, np.arange(100)) == (1.0, 1.0)


def test_intervals_cover_the_truth_as_often_as_they_say():
    truth = 2 * 0.4 * 0.8 / (2 * 0.4 * 0.8 + 0.6 * 0.1 + 0.4 * 0.2)
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        low, high = f1_interval(*draw(300, rng), np.arange(300))
        hits += low <= truth <= high
    assert 0.89 <= hits / 200 <= 0.99  # 95 % expected, standard error 1.5 %


def test_positions_are_redrawn_and_not_spectra():
    label, predicted = draw(200, np.random.default_rng(3))
    alone = f1_interval(label, predicted, np.arange(200))
    twice = f1_interval(np.repeat(label, 2), np.repeat(predicted, 2), np.repeat(np.arange(200), 2))
    assert twice == alone
    as_if_independent = f1_interval(np.repeat(label, 2), np.repeat(predicted, 2), np.arange(400))
    assert np.ptp(as_if_independent) < 0.85 * np.ptp(alone)


def test_seeds_that_repeat_one_test_set_add_no_certainty():
    label, predicted = draw(200, np.random.default_rng(4))
    one = count(label, predicted, np.zeros(200), np.arange(200), [True])
    five = count(
        np.tile(label, 5), np.tile(predicted, 5), np.repeat(np.arange(5), 200), np.tile(np.arange(200), 5), [True]
    )
    redraws = [bootstrap_f1(counts, 100, np.random.default_rng(0)) for counts in (one, five)]
    np.testing.assert_allclose(*redraws)


def test_means_and_deviations_over_seeds():
    first = frame(["T", "T", "other", "other"], ["T", "other", "other", "other"], seed=0)  # F1 2/3
    second = frame(["T", "T", "other", "other"], ["T", "T", "other", "other"], seed=1)  # F1 1
    votes = pd.concat([first, second])
    scores = score_target(votes, np.tile(np.arange(4), 2), 50, 0)
    assert scores["recall"] == pytest.approx(0.75)
    assert scores["f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["f1_std"] == pytest.approx((1 / 3) / np.sqrt(2))
    assert [scores[key] for key in ("n_test", "n_target", "n_positions", "n_seeds")] == [4, 2, 4, 2]
    assert scores["f1_lo"] <= scores["f1"] <= scores["f1_hi"]
    assert scores["notes"] == []


def test_naming_nothing_scores_zero_with_a_note():
    scores = score_target(frame(["T", "other"], ["other", "other"]), np.arange(2), 20, 0)
    assert (scores["precision"], scores["recall"], scores["f1"]) == (0, 0, 0)
    assert np.isnan(scores["f1_std"])
    assert scores["notes"] == ["nothing predicted as target, precision set to 0, in 1 of 1 seeds"]


def test_a_seed_without_targets_is_left_out_with_a_note():
    empty = frame(["other"] * 3, ["T", "other", "other"], seed=0)
    full = frame(["T", "other", "other"], ["T", "other", "other"], seed=1)
    scores = score_target(pd.concat([empty, full]), np.tile(np.arange(3), 2), 20, 0)
    assert scores["f1"] == 1
    assert scores["roc_auc"] == 1
    assert any("no target" in note and "in 1 of 2" in note for note in scores["notes"])


def test_a_survey_without_targets_gives_no_numbers():
    scores = score_target(frame(["other"] * 3, ["other"] * 3), np.arange(3), 20, 0)
    assert np.isnan([scores[key] for key in ("recall", "f1", "f1_lo", "f1_hi", "average_precision", "roc_auc")]).all()


def test_a_rare_class_with_small_shares_gets_the_factor_that_lets_it_win():
    """Ten members hold shares of .3 to .4, ninety others .05: argmax never names them, a factor does."""
    codes = np.repeat([0, 1], [90, 10])
    rare = np.where(codes == 1, np.linspace(0.3, 0.4, 100), 0.05)
    shares = np.stack([1 - rare, rare], axis=1)
    assert (shares.argmax(axis=1) == 0).all()
    factors = best_factors(shares, codes)
    assert factors[1] > factors[0]
    assert ((shares * factors**2).argmax(axis=1) == codes).all()


def test_shares_that_are_right_already_keep_their_size():
    shares = np.eye(3)[np.arange(30) % 3] * 0.8 + 0.2 / 3
    assert (best_factors(shares, np.arange(30) % 3) == 1).all()
