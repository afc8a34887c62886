"""A collapsed encoder stops the run; a good one, a small sample and a large offset do not."""

import numpy as np
import pytest

from galspec_core.encoder.collapse import LIMITS, check_collapse, measure_collapse
from galspec_core.errors import SearchError


def good(n, d=20, seed=0):
    """Return embeddings whose directions differ in spread, as those of principal components do."""
    return np.random.default_rng(seed).normal(size=(n, d)) * 0.7 ** np.arange(d)


def on_a_line(x):
    return x[:, :1] * np.ones(x.shape[1])


def few_points(x):
    return x[np.arange(len(x)) % 5]


def hubs(x):
    """Return points of a sphere in many dimensions with a few in its middle: these are nearest to all."""
    x = np.random.default_rng(1).normal(size=(len(x), 100))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x[: len(x) // 100] *= 0.01
    return x


COLLAPSES = {
    "spread": lambda x: 3 + 1e-4 * x,
    "first_direction": lambda x: on_a_line(x) + 0.01 * np.random.default_rng(1).normal(size=x.shape),
    "nearest": few_points,
    "hubness": hubs,
}


@pytest.mark.parametrize("n", [1, 2, 5, 10, 50, 300, 2500])
@pytest.mark.parametrize("seed", range(3))
def test_embeddings_that_differ_pass_however_few_they_are(n, seed):
    check_collapse(measure_collapse(good(n, seed=seed)), "pca")


@pytest.mark.parametrize("n", [5, 10, 300, 2500])
@pytest.mark.parametrize("value", [0.0, 1.0, -300.0])
def test_a_constant_is_found_however_few_there_are(n, value):
    rounding = 1e-7 * value * np.random.default_rng(0).normal(size=(n, 20))
    with pytest.raises(SearchError, match="spread"):
        check_collapse(measure_collapse(np.float32(value + rounding)), "paper")


@pytest.mark.parametrize("measure", LIMITS)
def test_every_measure_finds_the_collapse_that_is_its_own(measure):
    facts = measure_collapse(COLLAPSES[measure](good(1000)))
    kind, limit, _ = LIMITS[measure]
    assert facts[measure] < limit if kind == "least" else facts[measure] > limit
    others = {name: value for name, value in measure_collapse(good(1000)).items() if name != measure}
    with pytest.raises(SearchError, match=measure):
        check_collapse(others | {measure: facts[measure]}, "paper")


def test_an_offset_alone_is_no_collapse():
    check_collapse(measure_collapse(good(500) + 20), "paper")


def test_the_unit_does_not_matter():
    one, other = measure_collapse(good(500)), measure_collapse(1e6 * good(500))
    assert one == pytest.approx(other)


def test_the_effective_rank_counts_equal_directions():
    corners = np.vstack([np.eye(4), -np.eye(4)])
    assert measure_collapse(corners)["effective_rank"] == pytest.approx(4)


def test_the_error_says_who_what_and_what_to_do():
    with pytest.raises(SearchError) as error:
        check_collapse(measure_collapse(np.ones((20, 3))), "paper", "liner")
    assert error.value.item == "paper, knowledge base of liner"
    for words in ("collapsed", "expected at least 0.001", "got 0", "history.csv", "search.methods"):
        assert words in str(error.value)
