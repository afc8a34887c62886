"""Precision at a base rate: every number can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.base_rate import (
    COLUMNS,
    base_rate_table,
    precision_at,
    precision_words,
    rate_limits,
    score_base_rate,
    threshold_at,
    without_targets,
)

SETTINGS = {"base_rate": 0.01, "min_negatives": 100, "bootstrap": 50}


def rows(targets, negatives, recalls, **changes):
    targets = np.asarray(targets, dtype="f8")
    places = np.arange(len(targets))
    return score_base_rate(targets, places, np.asarray(negatives, dtype="f8"), recalls, SETTINGS | changes)


def test_the_threshold_reaches_the_recall_and_no_more():
    scores = np.arange(1, 11) / 10
    assert threshold_at(scores, 0.7) == 0.4
    assert (scores >= threshold_at(scores, 0.7)).mean() == 0.7
    assert threshold_at(scores, 0.65) == 0.4  # 6.5 of 10 takes seven


def test_ties_at_the_threshold_all_count():
    (row,) = rows([0.5] * 10, [0.5] * 50 + [0.1] * 50, [0.5])
    assert row["recall"] == 1.0  # half was asked, but the score cannot tell them apart
    assert row["n_false"] == 50
    assert row["false_positive_rate"] == 0.5


def test_precision_is_that_of_bayes():
    assert precision_at(0.5, 0.01, 0.01) == pytest.approx(0.005 / (0.005 + 0.0099))
    assert precision_at(1.0, 0.0, 0.0004) == 1.0
    assert precision_at(1.0, 1.0, 0.0004) == pytest.approx(0.0004)  # naming everything finds the base rate
    assert np.isnan(precision_at(0.0, 0.0, 0.1))


def test_no_false_positive_gives_a_lower_limit_and_no_number():
    (row,) = rows(np.ones(10), np.zeros(1000), [0.9])
    assert row["n_false"] == 0
    assert row["false_positive_rate_hi"] == pytest.approx(1 - 0.05 ** (1 / 1000))  # all miss with 5 %
    assert np.isnan(row["precision"])
    assert row["precision_text"].startswith("> ")
    limit = 0.01 / (0.01 + 0.99 * row["false_positive_rate_hi"])
    assert row["precision_lo"] == pytest.approx(limit)
    assert row["precision_hi"] == 1.0
    assert row["looks_per_find"].startswith("< ")


def test_few_negatives_give_an_upper_limit():
    (row,) = rows(np.ones(10), [1.0, *np.zeros(49)], [0.9])
    assert row["n_false"] == 1
    assert row["precision_text"].startswith("< ")
    assert row["looks_per_find"].startswith("> ")
    assert np.isnan(row["precision"])


def test_enough_negatives_with_counts_give_the_number():
    (row,) = rows(np.ones(10), [*np.ones(10), *np.zeros(990)], [0.9])
    assert row["precision"] == pytest.approx(0.01 / (0.01 + 0.01 * 0.99))
    assert row["precision_text"] == f"{row['precision']:.2g}"
    assert float(row["looks_per_find"]) == pytest.approx(1.99, abs=0.005)
    assert row["precision_lo"] < row["precision"] < row["precision_hi"]


def test_limits_hold_the_rate():
    low, high = rate_limits(5, 1000)
    assert low < 0.005 < high
    assert rate_limits(0, 20000) == (0.0, pytest.approx(3 / 20000, rel=0.01))  # the rule of three
    assert rate_limits(7, 7)[1] == 1.0


def test_the_words_follow_from_the_counts():
    assert precision_words(0.5, 0.3, 0.8, 20000, 3, 20000) == ("0.5", "")
    assert precision_words(0.5, 0.3, 0.8, 19999, 3, 20000)[0] == "< 0.8"
    assert precision_words(np.nan, 0.3, 1.0, 20000, 0, 20000)[0] == "> 0.3"


def test_the_table_takes_one_seed_and_its_targets_only():
    votes = pd.DataFrame(
        {
            "specobjid": [1, 2, 3, 1],
            "method": "pca",
            "seed": [0, 0, 0, 1],
            "label": ["Lens", "Lens", "other", "Lens"],
            "score": [0.9, 0.8, 1.0, 0.0],
        }
    )
    queries = pd.DataFrame({"specobjid": range(10, 20), "method": "pca", "score": [0.85, *np.zeros(9)]})
    manifest = pd.DataFrame({"specobjid": [1, 2, 3], "position": [1, 2, 3]})
    table = base_rate_table({"lens": votes}, {"lens": queries}, manifest, 0, [1.0, 0.5], SETTINGS)
    assert list(table) == COLUMNS
    assert table["threshold"].tolist() == [0.8, 0.9]
    assert table["n_false"].tolist() == [1, 0]
    assert table["n_targets"].tolist() == [2, 2]


def test_true_targets_among_the_queries_are_no_negatives():
    queries = pd.DataFrame({"specobjid": [1, 2, 3], "score": 0.5})
    truth = pd.DataFrame({"specobjid": [1, 2, 3], "kind": ["LINER", "Normal", "LINER"]})
    assert without_targets(queries, truth, "LINER")["specobjid"].tolist() == [2]
    assert len(without_targets(queries, None, "LINER")) == 3
