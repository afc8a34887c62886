"""Probabilities can be checked, and a survey with fewer targets can be allowed for."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.reliability import COLUMNS, CORRECTED, CURVE, DRAWN, THINNED, log_loss, score_reliability


def world(n=20000, seed=0, sure=1.0):
    """Return votes whose probabilities are right (``sure`` 1) or too sure, with roles and manifest of a tenth of targets."""
    rng = np.random.default_rng(seed)
    ids = np.arange(1, n + 1, dtype="u8")
    truth = rng.beta(0.3, 2.0, n).clip(1e-3, 1 - 1e-3)
    member = rng.random(n) < truth
    said = 1 / (1 + (1 / truth - 1) ** sure)
    votes = pd.DataFrame(
        {
            "specobjid": ids,
            "method": "m",
            "seed": 0,
            "label": np.where(member, "LINER", "other"),
            "predicted": np.where(said > 0.5, "LINER", "other"),
            "score": said,
            "probability": said,
            "known": truth > 0.002,
        }
    )
    label = np.where(np.arange(1000) < 1000 * member.mean(), "LINER+Lens", "SF")
    roles = pd.DataFrame({"specobjid": np.arange(1000), "seed": 0, "role": "knowledge_base", "label": label})
    return votes, roles, pd.DataFrame({"specobjid": ids, "position": ids})


def score(votes, roles, manifest):
    table, curves = score_reliability(votes, roles, manifest, "LINER", "liner")
    assert list(table.columns) == COLUMNS
    assert list(curves.columns) == CURVE
    return table.set_index("composition"), curves


@pytest.fixture(scope="module")
def right():
    """Give right votes, and the table and curves that they get."""
    votes, *others = world()
    return votes, *score(votes, *others)


def test_right_probabilities_beat_the_constant_and_lie_on_the_diagonal(right):
    _, table, curves = right
    row = table.loc[DRAWN]
    assert 0 < row["brier_skill_lo"] < row["brier_skill"] < row["brier_skill_hi"] < 1
    assert row["log_loss"] < row["log_loss_constant"]
    drawn = curves[curves["composition"] == DRAWN]
    assert (drawn["predicted"] - drawn["observed"]).abs().max() < 0.04


def test_probabilities_that_are_too_sure_score_worse(right):
    wrong, row = score(*world(sure=3.0))[0].loc[DRAWN], right[1].loc[DRAWN]
    assert wrong["brier"] > row["brier"]
    assert wrong["log_loss"] > row["log_loss"]


def test_with_fewer_targets_only_the_corrected_probabilities_hold(right):
    _, table, curves = right
    assert table.loc[THINNED, "rate"] < 0.3 * table.loc[DRAWN, "rate"]
    assert table.loc[CORRECTED, "brier"] < table.loc[THINNED, "brier"]
    away = {
        name: (part["predicted"] - part["observed"]).abs().mul(part["n"]).sum() / part["n"].sum()
        for name, part in curves.groupby("composition")
    }
    assert away[CORRECTED] < 0.3 * away[THINNED]


def test_a_vote_without_probability_is_judged_by_its_share():
    votes, roles, manifest = world()
    table, _ = score(votes.assign(probability=np.nan), roles, manifest)
    assert table.loc[DRAWN, "brier"] == pytest.approx(((votes["score"] - (votes["label"] == "LINER")) ** 2).mean())


def test_errors_are_counted_apart_where_nothing_is_near(right):
    votes, table, _ = right
    row = table.loc[DRAWN]
    wrong = votes["label"] != votes["predicted"]
    assert row["known"] == votes["known"].mean()
    assert row["error_unknown"] == wrong[~votes["known"]].mean()


def test_a_certain_error_costs_much_and_not_everything():
    assert log_loss(np.array([1.0]), np.array([0.0])) == pytest.approx(np.log(1000))
