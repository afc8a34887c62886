"""The population behind noisy measurements: its spread is that without noise, and it corrects what noise has moved."""

import numpy as np
import pytest

from galspec_core.encoder.population import Population


@pytest.fixture
def survey():
    """Two kinds of galaxy in three dimensions, every one measured with noise of its own; the third tells little."""
    rng = np.random.default_rng(0)
    n = 2000
    kind = rng.random(n) < 0.25
    first = rng.normal(0, 1, n)
    truth = np.column_stack([first, 0.8 * first + rng.normal(0, 0.2, n), np.where(kind, 5, 0) + rng.normal(0, 0.3, n)])
    size = rng.uniform(0.05, 1, (n, 3))
    noise = np.einsum("bi,ij->bij", size**2, np.eye(3))
    return truth, truth + size * rng.normal(size=(n, 3)), noise


def test_the_spread_is_that_of_the_galaxies_and_not_of_the_noise(survey):
    truth, value, noise = survey
    found = Population.fit(value, noise, 1).covariance[0]
    assert np.allclose(found[:2, :2], np.cov(truth[:, :2].T), atol=0.08)


def test_two_kinds_are_told_apart(survey):
    _, value, noise = survey
    found = Population.fit(value[:, [0, 2]], noise[:, [0, 2]][:, :, [0, 2]], 2)
    assert sorted(found.share) == pytest.approx([0.25, 0.75], abs=0.03)
    assert sorted(found.centre[:, 1]) == pytest.approx([0, 5], abs=0.1)


@pytest.mark.parametrize("k", [1, 2])
def test_what_is_believed_is_nearer_to_the_truth_than_what_is_measured(survey, k):
    truth, value, noise = survey
    believed = Population.fit(value, noise, k).believe(value, noise)
    assert (((believed - truth) ** 2).mean(axis=0) < 0.9 * ((value - truth) ** 2).mean(axis=0)).all()


def test_what_is_not_seen_follows_from_what_is(survey):
    truth, value, noise = survey
    population = Population.fit(value, noise, 2)
    noise = noise.copy()
    noise[:, 1, 1] = 1e6
    believed = population.believe(np.where([False, True, False], 0, value), noise)
    assert np.corrcoef(believed[:, 1], truth[:, 1])[0, 1] > 0.7


def test_without_noise_nothing_moves(survey):
    truth, _, noise = survey
    population = Population.fit(truth, 1e-6 * noise, 2)
    assert np.allclose(population.believe(truth, 1e-6 * noise), truth, atol=1e-3)


def test_more_kinds_than_galaxies_are_no_error():
    value = np.arange(6.0).reshape(3, 2)
    noise = np.broadcast_to(np.eye(2), (3, 2, 2))
    assert np.isfinite(Population.fit(value, noise, 5).believe(value, noise)).all()


def test_a_galaxy_does_not_depend_on_its_company(survey):
    _, value, noise = survey
    population = Population.fit(value, noise, 2)
    assert np.allclose(population.believe(value, noise)[:5], population.believe(value[:5], noise[:5]))
