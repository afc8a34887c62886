"""Scores single out what is odd, clusters what belongs together."""

import numpy as np
import pytest

from galspec_core.baselines import flow, forest_outliers, hierarchical, kmeans, mixture
from tests.baselines.conftest import make_spectra


def test_an_oddity_is_weirder_than_nearly_all_others():
    entry = dict(trees=60, bin=10, reference=100)
    spectra = make_spectra(n=200, strength=0.0)[0]
    ramp = np.linspace(-0.5, 0.5, spectra.flux.shape[1])
    spectra.flux[:] += np.random.default_rng(1).standard_normal((200, 1)) * ramp  # a family: tilts
    spectra.flux[7] = 1 + 0.8 * np.sin(np.arange(spectra.flux.shape[1]) / 10)
    score = forest_outliers.fit(entry, spectra, 0)(spectra)
    assert ((score >= 0) & (score <= 1)).all()
    assert (score < score[7]).mean() > 0.95


def test_shuffled_columns_keep_their_values_and_lose_their_neighbours():
    x = np.arange(40.0).reshape(10, 4)
    shuffled = forest_outliers.shuffle_columns(x, np.random.default_rng(0))
    assert np.array_equal(np.sort(shuffled, axis=0), x)
    assert not np.array_equal(shuffled, x)


def test_binning_is_the_mean_of_neighbours():
    assert forest_outliers.rebin(np.array([[1.0, 3.0, 5.0, 7.0, 100.0]]), 2).tolist() == [[2.0, 6.0]]


@pytest.mark.parametrize("module", [kmeans, mixture, hierarchical], ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_blobs_are_found_up_to_their_names(module):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 60)
    x = 3.0 * np.eye(3)[truth] @ rng.standard_normal((3, 12)) + 0.1 * rng.standard_normal((180, 12))
    found = module.fit(dict(components=3, clusters=3, most=180), x, 0)(x)
    assert len({(t, f) for t, f in zip(truth, found, strict=True)}) == 3
    assert len(set(found)) == 3


def test_the_flow_finds_the_far_point_improbable():
    pytest.importorskip("spender", reason="the extra galspec[systems] is not installed")
    x = np.random.default_rng(0).standard_normal((300, 3)) @ np.diag([1.0, 5.0, 0.1])
    score = flow.fit(dict(hidden=8, transforms=2, lr=5e-3, batch=64, epochs=10), x, 0)
    assert score(np.array([[8.0, 0.0, 0.9]]))[0] > np.percentile(score(x), 99)
    again = flow.fit(dict(hidden=8, transforms=2, lr=5e-3, batch=64, epochs=10), x, 0)
    assert np.array_equal(score(x), again(x))
