"""Weights have the values of their formulas and never lose a far neighbour to rounding."""

import numpy as np
import pytest

from galspec_core.errors import ConfigError
from galspec_core.search.weights import NORMALISE, WEIGHTS, weigh

ALLOWED = [(name, how) for name in WEIGHTS for how in NORMALISE if (name, how) != ("linear", "sum")]


@pytest.mark.parametrize(
    ("name", "expected"), [("exp", np.exp(-2.0)), ("inverse", 1 / 2.5), ("inverse_square", 1 / 4.5), ("linear", -2.0)]
)
def test_formulas(name, expected):
    assert WEIGHTS[name](2.0, 0.5) == pytest.approx(expected)


def test_both_readings_of_softmax():
    np.testing.assert_allclose(weigh([1, 2, 3], "exp", "sum"), [0.67, 0.24, 0.09], atol=0.005)
    np.testing.assert_allclose(weigh([1, 2, 3], "exp", "softmax"), [0.40, 0.31, 0.29], atol=0.005)


@pytest.mark.parametrize("name", ["exp", "inverse", "inverse_square"])
def test_sum_divides_by_the_sum(name):
    distance = np.random.default_rng(0).gamma(2.0, size=(20, 3))
    plain = WEIGHTS[name](distance, 0.1)
    np.testing.assert_allclose(weigh(distance, name, "sum", 0.1), plain / plain.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(("name", "normalise"), ALLOWED)
@pytest.mark.parametrize("distance", [[0.0, 0.0, 0.0], [0.0, 1.0, 1e6], [1e4, 1e4 + 1, 1e5], [1e19, 2e19, 3e19]])
def test_weights_add_up_to_one_and_fall_with_distance(name, normalise, distance):
    weights = weigh(distance, name, normalise)
    assert weights.sum() == pytest.approx(1)
    assert (np.diff(weights) <= 0).all()
    assert np.isfinite(weights).all()


@pytest.mark.parametrize(("weight", "normalise"), [("linear", "sum"), ("cosine", "sum"), ("exp", "max")])
def test_choices_without_meaning_are_refused(weight, normalise):
    with pytest.raises(ConfigError, match=r"search\."):
        weigh([1.0, 2.0], weight, normalise)
