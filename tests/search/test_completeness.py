"""Completeness at a fixed rate of false positives, and the evidence that one spectrum gives."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.completeness import RATE, completeness, threshold
from tests.search.test_ranking import TARGETS, survey

EDGES = [5, 10, 20, 40]


def known(votes):
    injected = np.where(votes["label"] == "Lens", np.linspace(5, 40, len(votes)), 0)
    injected[:TARGETS] = np.linspace(5, 40, TARGETS)
    return pd.DataFrame({"specobjid": votes["specobjid"], "injected_sn": injected})


def test_the_threshold_leaves_the_promised_share_above():
    score = np.random.default_rng(0).random(5000)
    above = (score > threshold(score, np.ones(5000), RATE)).mean()
    assert above == pytest.approx(RATE, abs=1 / 5000)
    assert threshold(np.zeros(100), np.ones(100), RATE) == 0  # equal scores: none is named


def test_the_threshold_counts_weights():
    score, weight = np.array([3.0, 2.0, 1.0]), np.array([1.0, 1.0, 98.0])
    assert threshold(score, weight, 0.01) == 2
    assert threshold(score, weight, 0.02) == 1
    assert threshold(score, weight, 1.0) == -np.inf


def test_recall_rises_with_what_was_injected_and_is_the_rate_where_nothing_is_known():
    votes, manifest = survey()
    truth = known(votes)
    rng = np.random.default_rng(1)
    seen = votes.assign(method="seen", score=rng.normal(size=len(votes)) + truth["injected_sn"] / 6)
    blind = votes.assign(method="blind", score=rng.normal(size=len(votes)))
    table = completeness(pd.concat([seen, blind]), manifest, truth, ["seen", "blind", "absent"], EDGES)
    assert set(table["method"]) == {"seen", "blind"}
    for mix in ("paper", "matched"):
        part = table[(table["mix"] == mix) & (table["method"] == "seen")]
        assert part["recall"].is_monotonic_increasing
        assert part["n"].sum() == TARGETS
    assert table.loc[table["method"] == "blind", "recall"].max() < 0.1
    assert (table["recall_lo"] <= table["recall"]).all()
    assert (table["recall"] <= table["recall_hi"]).all()


def test_intervals_are_for_positions_not_for_spectra():
    votes, manifest = survey()
    votes = votes.assign(score=1.0 * (votes["label"] == "Lens"))
    tables = [
        completeness(
            votes, manifest.assign(position=manifest["specobjid"] // np.uint64(size)), known(votes), ["m"], EDGES
        )
        for size in (1, 10)
    ]
    lows = [table["recall_lo"].iloc[0] for table in tables]
    assert lows[0] > lows[1]


def test_too_few_negatives_give_no_recall():
    votes, manifest = survey(n=TARGETS + 60)
    table = completeness(votes.assign(score=0.0), manifest, known(votes), ["m"], EDGES)
    assert table["recall"].isna().all()
    assert table["note"].eq("fewer than 100 negatives").all()
