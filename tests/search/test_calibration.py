"""Probabilities: what happens as often as they say, here and in a survey of another composition."""

import numpy as np
import pytest

from galspec_core.search.calibration import Calibration, log_odds, recompose


def draws(n=20000, seed=0):
    """Return shares that are too sure of themselves by a factor of two in the log odds, and what was true."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.6, 3, n).clip(0.01, 0.99)
    member = rng.random(n) < probability
    return 1 / (1 + np.exp(-2 * log_odds(probability))), member, probability


def test_calibration_finds_the_true_probabilities_of_shares_that_are_too_sure():
    share, member, truth = draws()
    found = Calibration.fit(share, member).probability(share)
    inside = (truth > 0.05) & (truth < 0.95)
    assert np.abs(found - truth)[inside].max() < 0.06
    assert found.mean() == pytest.approx(member.mean(), abs=0.005)


@pytest.mark.parametrize(("member", "expected"), [(np.zeros(99, bool), 0.005), (np.ones(99, bool), 0.995)])
def test_without_both_kinds_the_frequency_is_all_that_is_known(member, expected):
    found = Calibration.fit(np.linspace(0, 1, 99), member).probability(np.array([0.0, 0.5, 1.0]))
    assert np.allclose(found, expected)


def test_a_share_of_nought_or_one_is_no_certainty():
    share, member, _ = draws()
    found = Calibration.fit(share, member).probability(np.array([0.0, 1.0]))
    assert 0 < found[0] < 0.05
    assert 0.9 < found[1] < 1


def test_another_composition_by_bayes_rule():
    assert recompose(0.5, 0.5, 0.1) == pytest.approx(0.1)
    assert recompose(0.9, 0.5, 0.5) == pytest.approx(0.9)
    assert recompose(0.5, 0.1, 1 / 2500) == pytest.approx(9 / 2508)


def test_probabilities_hold_in_a_survey_with_fewer_targets():
    share, member, _ = draws(60000)
    found = Calibration.fit(share, member).probability(share)
    kept = ~member | (np.random.default_rng(1).random(len(member)) < 0.1)
    base, rate = member.mean(), member[kept].mean()
    corrected = recompose(found[kept], base, rate)
    assert corrected.mean() == pytest.approx(rate, abs=0.003)
    assert abs(found[kept].mean() - rate) > 0.03
