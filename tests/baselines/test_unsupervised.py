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
    pytest.importorskip("spender", reason="the extra is not installed: pip install -c constraints.txt -e '.[systems]'")
    x = np.random.default_rng(0).standard_normal((300, 3)) @ np.diag([1.0, 5.0, 0.1])
    score = flow.fit(dict(hidden=8, transforms=2, lr=5e-3, batch=64, epochs=10), x, 0)
    assert score(np.array([[8.0, 0.0, 0.9]]))[0] > np.percentile(score(x), 99)
    again = flow.fit(dict(hidden=8, transforms=2, lr=5e-3, batch=64, epochs=10), x, 0)
    assert np.array_equal(score(x), again(x))


def test_weirdness_by_hand_is_the_same_in_any_portion():
    """Similarity is the share, among trees that call both real, of those that put both into one leaf."""
    leaves = np.array([[1, 2, -1], [-1, -1, -1]])
    reference = np.array([[1, 3, 4], [1, 2, 4], [-1, -1, -1]])
    expected = [1 - (1 / 2 + 2 / 2 + 0) / 3, 1.0]
    assert forest_outliers.weirdness(leaves, reference).tolist() == pytest.approx(expected)
    many = np.repeat(leaves, forest_outliers.AT_ONCE, axis=0)
    assert forest_outliers.weirdness(many, reference).tolist() == np.repeat(expected, forest_outliers.AT_ONCE).tolist()
    assert len(forest_outliers.weirdness(leaves[:0], reference)) == 0


def test_shuffled_columns_lose_their_covariance():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 1)) + 0.1 * rng.standard_normal((2000, 3))
    assert np.corrcoef(x.T)[0, 1] > 0.9
    assert abs(np.corrcoef(forest_outliers.shuffle_columns(x, rng).T)[0, 1]) < 0.1  # 4.5 standard errors


def test_bins_keep_the_mean_of_what_they_cover():
    x = np.random.default_rng(0).random((5, 301))
    binned = forest_outliers.rebin(x, 8)
    assert binned.shape == (5, 37)
    assert np.allclose(binned.mean(axis=1), x[:, :296].mean(axis=1))
    assert np.array_equal(forest_outliers.rebin(x, 1), x)


def test_the_seed_decides_weirdness(spectra):
    entry = dict(trees=10, bin=10, reference=50)
    first, again, other = (forest_outliers.fit(entry, spectra, seed)(spectra) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("module", [kmeans, mixture, hierarchical], ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_spectra_with_a_line_are_another_cluster(module, spectra, codes):
    assign = module.fit(dict(components=2, clusters=2, most=90), spectra, 0)
    found = assign(make_spectra(seed=1)[0])
    assert max((found == codes).mean(), (found != codes).mean()) > 0.95


@pytest.mark.parametrize("module", [kmeans, mixture, hierarchical], ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_fewer_spectra_than_clusters_are_enough(module, spectra):
    assert len(set(module.fit(dict(components=2, clusters=50, most=90), spectra[:6], 0)(spectra[:6]))) <= 6


@pytest.mark.parametrize("module", [kmeans, mixture, hierarchical], ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_fewer_spectra_than_components_are_enough(module, spectra):
    assert len(module.fit(dict(components=20, clusters=3, most=90), spectra[:12], 0)(spectra)) == len(spectra)
