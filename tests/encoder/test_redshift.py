"""A spectrum says its own redshift: the scan is least squares at every trial, and the margin knows when nothing tells."""

import numpy as np
import pytest

from galspec_core.encoder.factors import FactorEncoder
from galspec_core.encoder.lines import LINES, line_templates
from galspec_core.encoder.redshift import FREE, RedshiftScan, RedshiftSettings, seen_range, smooth
from galspec_core.errors import ConfigError, SearchError, SpectrumError
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.spectrum import DLOGLAM, Spectrum

GRID = dict(frame="rest", spacing="log", wave=[4000.0, 7000.0], pixels=2431)
WAVE = Grid(**GRID).wavelengths
SECTION = dict(encoder="galspec", z=[-0.001, 0.3], factors=2, rebin=3, tolerance=500.0, min_delta_chi2=16.0)
SEEN = (4050.0, 6900.0)
NATIVE, START = 2600, 3.63  # pixels from 4266 to 7762 Angstrom, observed
EVERY = np.ones(NATIVE, dtype=bool)
NAMES = list(LINES)


def make_encoder():
    """Return a FactorEncoder whose mean has absorption lines in places of their own."""
    rng = np.random.default_rng(0)
    depth = [0.3 * np.exp(-0.5 * ((WAVE - w) / 8) ** 2) for w in rng.uniform(4050, 6900, 25)]
    x = np.linspace(-1, 1, len(WAVE))
    shapes = np.stack([x, np.cos(5 * x)]) / np.sqrt(len(WAVE))
    tensors = dict(mean=1 - np.sum(depth, axis=0), components=shapes, precision=0.01 * np.eye(2))
    tensors |= dict(lines=line_templates(GRID), excess=np.ones(9000))
    spread = np.diag([100.0, 100.0, *np.full(len(LINES), 4.0)])
    tensors |= dict(share=[1.0], centre=np.zeros((1, len(spread))), covariance=spread[None])
    entry = dict(kind="factors", grid="wide", components=2)
    return FactorEncoder({key: np.asarray(value, dtype="f4") for key, value in tensors.items()}, entry, GRID)


ENCODER = make_encoder()
SCAN = RedshiftScan(ENCODER, RedshiftSettings.from_config(SECTION), SEEN)


def make_spectrum(z, noise=0.03, seed=0, halpha=0.5, factors=(3.0, -2.0)):
    """Return the observed Spectrum of a galaxy of the encoder's own kind; where it is not defined it is level."""
    rest = ENCODER.mean + np.array(factors) @ ENCODER.components + halpha * ENCODER.design[2 + NAMES.index("Hα")]
    loglam = START + DLOGLAM * np.arange(NATIVE)
    flux = np.interp(loglam - np.log10(1 + z), np.log10(WAVE), rest)
    flux = 40 * (flux + np.random.default_rng(seed).normal(0, noise, NATIVE))
    return Spectrum(START, flux.astype("f4"), np.full(NATIVE, 1 / (40 * noise) ** 2, "f4"), np.zeros(NATIVE, "i4"), z)


def improve(spectrum, good=EVERY):
    flux, weight = SCAN.rebin(spectrum, good)
    return SCAN.improvement(flux[None], weight[None])


def by_hand(flux, weight, step, lines):
    """Return the improvement at one trial from a design matrix, with all templates or without the lines."""
    whole = len(WAVE) // 3 * 3
    rows = (
        np.vstack([ENCODER.mean, ENCODER.design])[: None if lines else 3, :whole]
        .reshape(-1, whole // 3, 3)
        .mean(axis=2)
    )
    wave = WAVE[:whole].reshape(-1, 3)
    inside = ((wave >= SEEN[0]) & (wave <= SEEN[1])).all(axis=1)
    at = np.arange(len(flux)) - step
    reached = (at >= 0) & (at < len(inside))
    reached[reached] = inside[at[reached]]
    design = rows[:, at[reached]].astype("f8")
    precision = np.diag([FREE] + [0.01] * (len(rows) - 1))
    f, w = flux[reached], weight[reached]
    found = np.linalg.solve((design * w) @ design.T + precision, design @ (w * f))
    chi2 = (w * (f - found @ design) ** 2).sum() + found @ precision @ found
    return (w * (f - smooth(flux, weight)[reached]) ** 2).sum() - chi2


@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("place", [0, 1, 100, -1])
def test_correlations_give_the_chi_squared_of_a_design_matrix(place, lines):
    flux, weight = SCAN.rebin(make_spectrum(0.1), EVERY)
    expected = by_hand(flux, weight, SCAN.steps[place], lines)
    assert SCAN.improvement(flux[None], weight[None])[0, int(not lines), place] == pytest.approx(
        expected, rel=1e-6, abs=1e-3
    )


@pytest.mark.parametrize("z", [0.0, 0.05, 0.17, 0.29])
def test_a_galaxy_is_found_at_its_redshift_and_doubted_at_others(z):
    wrong = np.array([z + 0.01, z + 0.1, z - 0.01, (1 + z) * 6564.61 / 5008.24 - 1])
    wrong = wrong[(wrong > 0) & (wrong < 0.3)]
    improvement = improve(make_spectrum(z))
    found = SCAN.compare(improvement, [z])
    assert found.z_best[0] == pytest.approx(z, abs=0.001)
    assert SCAN.trusted(found)[0]
    at_wrong = SCAN.compare(np.repeat(improvement, len(wrong), axis=0), wrong)
    assert (at_wrong.delta < 0).all()
    assert not SCAN.trusted(at_wrong).any()


@pytest.mark.parametrize(("kms", "trusted"), [(-300, True), (100, True), (300, True), (-1000, False), (1000, False)])
def test_the_tolerance_says_which_redshifts_are_the_same(kms, trusted):
    found = SCAN.compare(improve(make_spectrum(0.1)), [1.1 * (1 + kms / 299792.458) - 1])
    assert SCAN.trusted(found)[0] == trusted


def test_lines_of_a_galaxy_behind_do_not_make_the_redshift_of_the_one_in_front_doubtful():
    front, behind = make_spectrum(0.1, noise=0.15, halpha=0), make_spectrum(0.17, noise=0.001, halpha=6.0)
    level = make_spectrum(0.17, noise=0.001, halpha=0)
    both = Spectrum(START, front.flux + behind.flux - level.flux, front.ivar, front.and_mask, 0.1)
    found = SCAN.compare(improve(both), [0.1])
    assert found.z_best[0] == pytest.approx(0.17, abs=0.001)
    assert found.delta_chi2[0] < 0
    assert found.delta_continuum[0] > 0
    assert SCAN.trusted(found)[0]


def test_the_unit_of_the_flux_does_not_matter():
    one = make_spectrum(0.1)
    other = Spectrum(one.loglam0, 1e3 * one.flux, one.ivar / 1e6, one.and_mask, one.z)
    np.testing.assert_allclose(improve(one), improve(other), rtol=1e-4, atol=0.1)


def test_flux_of_bad_pixels_does_not_matter():
    one = make_spectrum(0.1)
    good = EVERY.copy()
    good[300:500] = False
    other = Spectrum(one.loglam0, np.where(good, one.flux, np.nan), one.ivar, one.and_mask, one.z)
    np.testing.assert_array_equal(improve(one, good), improve(other, good))


def test_a_featureless_spectrum_fits_nowhere_better_than_a_curve():
    """Whatever part of it the templates reach: trials that see fewer pixels gain nothing by it."""
    flux = 1 + 0.3 * np.linspace(-1, 1, SCAN.pixels)
    improvement = SCAN.improvement(flux[None], np.full((1, SCAN.pixels), 1e4))
    assert improvement.max() < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_no_redshift_is_trusted_where_noise_hides_everything(seed):
    improvement = improve(make_spectrum(0.1, noise=3.0, seed=seed, halpha=0))
    for z in (0.1, 0.0, 0.2):
        assert not SCAN.trusted(SCAN.compare(improvement, [z]))[0]


def test_a_redshift_outside_the_trials_is_not_trusted():
    found = SCAN.compare(improve(make_spectrum(0.1)), [0.5])
    assert np.isnan(found.delta[0])
    assert not SCAN.trusted(found)[0]
    assert found.z_best[0] == pytest.approx(0.1, abs=0.001)


def test_templates_are_believed_where_enough_spectra_have_seen_them():
    z = np.concatenate([np.full(60, 0.1), np.full(60, 0.3), [2.0]])
    assert seen_range(z) == pytest.approx((3830 / 1.3, 9180 / 1.1))
    with pytest.raises(SearchError, match="no training spectrum"):
        seen_range([])


def test_a_spectrum_without_light_is_an_error():
    dark = Spectrum(START, -np.ones(NATIVE, "f4"), np.ones(NATIVE, "f4"), np.zeros(NATIVE, "i4"), 0.1)
    with pytest.raises(SpectrumError, match="median flux"):
        SCAN.rebin(dark, EVERY)


@pytest.mark.parametrize("change", [{"z": [0.3, 0.1]}, {"rebins": 3}])
def test_settings_that_mean_nothing_are_named(change):
    with pytest.raises(ConfigError, match=r"redshift_check"):
        RedshiftSettings.from_config({**SECTION, **change})


def test_an_encoder_without_templates_is_an_error():
    with pytest.raises(ConfigError, match="kind factors"):
        RedshiftScan(object(), RedshiftSettings.from_config(SECTION), SEEN)
