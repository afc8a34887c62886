"""Resampling to a common grid."""

from dataclasses import replace

import numpy as np
import pytest

from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.spectra.grid import INTERPOLATIONS, Grid, bridge_bad_pixels, find_neighbours, pixel_edges, to_grid
from galspec_core.spectra.spectrum import Spectrum

PAPER = Grid("observed", "linear", (3850.0, 9000.0), 3688, min_coverage=0.5)
REST = Grid("rest", "log", (3500.0, 7000.0), 3011, min_coverage=0.3)


def spectrum_of(flux, z=0.0, loglam0=3.58):
    flux = np.asarray(flux, "f4")
    return Spectrum(loglam0, flux, np.ones_like(flux), np.zeros(len(flux), "i4"), z)


def test_the_papers_grid_has_3688_pixels_from_3850_to_9000():
    wave = PAPER.wavelengths
    assert len(wave) == 3688
    assert (wave[0], wave[-1]) == (3850, 9000)
    assert np.ptp(np.diff(wave)) < 1e-9


def test_a_log_grid_falls_on_the_native_comb():
    steps = np.log10(REST.wavelengths) / 1e-4
    assert np.allclose(steps, np.round(steps), atol=1e-6)


def test_at_redshift_zero_the_native_grid_changes_nothing():
    rng = np.random.default_rng(1)
    spectrum = spectrum_of(rng.normal(1, 0.1, 3850))
    grid = Grid("rest", "log", (10**3.6, 10**3.9), 3001)
    flux, ivar = to_grid(spectrum, np.ones(3850, bool), grid)
    assert np.allclose(flux, spectrum.flux[200:3201], atol=1e-6)
    assert np.allclose(ivar, 1, atol=1e-4)


@pytest.mark.parametrize("z", [0.0, 0.05, 0.3])
def test_a_line_lands_at_its_rest_wavelength(z):
    spectrum = spectrum_of(np.zeros(3850), z)
    line = np.exp(-0.5 * ((spectrum.wave / (1 + z) - 5008.24) / 5) ** 2)
    spectrum.flux[:] = line
    flux, _ = to_grid(spectrum, np.ones(3850, bool), REST)
    centre = np.sum(flux * REST.wavelengths) / np.sum(flux)
    assert centre == pytest.approx(5008.24, abs=0.1)


def test_linear_interpolation_keeps_a_straight_line():
    spectrum = spectrum_of(np.zeros(3850))
    spectrum.flux[:] = spectrum.wave / 1000
    flux, _ = to_grid(spectrum, np.ones(3850, bool), PAPER)
    assert np.allclose(flux, PAPER.wavelengths / 1000, rtol=1e-6)


def test_averaging_conserves_the_flux_integral():
    rng = np.random.default_rng(2)
    wave = 10 ** (3.58 + 1e-4 * np.arange(3850))
    flux = rng.normal(1, 1, 3850)
    target = np.linspace(4000, 9000, 900)
    mean, _ = INTERPOLATIONS["average"](
        wave, flux, np.ones(3850), target, *find_neighbours(wave, target, np.zeros(len(target), int))
    )
    edges, bins = pixel_edges(wave), pixel_edges(target)
    total = np.diff(np.interp(bins[[0, -1]], edges, np.r_[0, np.cumsum(flux * np.diff(edges))]))
    assert np.sum(mean * np.diff(bins)) == pytest.approx(total[0], rel=1e-9)


@pytest.mark.parametrize("name", sorted(INTERPOLATIONS))
@pytest.mark.parametrize("pixels", [500, 3688])
def test_the_variance_foretold_is_the_variance_found(name, pixels):
    rng = np.random.default_rng(3)
    wave = 10 ** (3.58 + 1e-4 * np.arange(3850))
    var = np.linspace(0.5, 2, 3850)
    target = np.linspace(4000, 9000, pixels)
    lean = find_neighbours(wave, target, np.zeros(len(target), int))
    draws = [INTERPOLATIONS[name](wave, rng.normal(0, np.sqrt(var)), var, target, *lean) for _ in range(400)]
    found = np.var([flux for flux, _ in draws], axis=0)
    foretold = draws[0][1]
    assert np.mean(found / foretold) == pytest.approx(1, abs=0.01)
    assert np.std(found / foretold) < 0.1  # 400 draws scatter by sqrt(2 / 400) = 0.07


@pytest.mark.parametrize("name", sorted(INTERPOLATIONS))
def test_a_bad_pixel_is_bridged_and_has_no_weight(name):
    spectrum = spectrum_of(np.ones(3850))
    good = np.ones(3850, bool)
    good[1500:1503] = False
    spectrum.flux[1500:1503] = 1e6
    grid = Grid("observed", "linear", (3850.0, 9000.0), 3688, interpolation=name)
    flux, ivar = to_grid(spectrum, good, grid)
    assert np.allclose(flux, 1)
    hole = np.abs(grid.wavelengths - spectrum.wave[1501]) < 0.5
    assert hole.any()
    assert (ivar[hole] == 0).all()
    assert (ivar[np.abs(grid.wavelengths - spectrum.wave[1501]) > 8] > 0).all()


def test_outside_coverage_there_is_no_weight_and_flux_is_filled_as_asked():
    spectrum = spectrum_of(np.linspace(1, 2, 3000), loglam0=3.60)  # 3981-7942 A
    for fill, below in (("edge", 1.0), ("zero", 0.0), ("one", 1.0)):
        grid = Grid("observed", "linear", (3850.0, 9000.0), 3688, fill=fill)
        flux, ivar = to_grid(spectrum, np.ones(3000, bool), grid)
        outside = grid.wavelengths > spectrum.wave[-1]
        assert (ivar[outside] == 0).all()
        assert (ivar[~outside & (grid.wavelengths > spectrum.wave[0])] > 0).all()
        assert flux[0] == pytest.approx(below, abs=1e-3)
        assert np.isfinite(flux).all()


def test_too_little_coverage_is_a_reason_to_reject():
    with pytest.raises(SpectrumError) as caught:
        to_grid(spectrum_of(np.ones(300), loglam0=3.7), np.ones(300, bool), PAPER)
    assert caught.value.reason == "little coverage"


def test_bridging_leaves_good_pixels_alone():
    flux = np.array([9.0, 1.0, 9.0, 3.0, 9.0])
    good = np.array([False, True, False, True, False])
    assert bridge_bad_pixels(flux, good).tolist() == [1, 1, 2, 3, 3]


def test_bridging_looks_only_at_the_nearest_good_pixels():
    rng = np.random.default_rng(3)
    for share in (0.02, 0.5, 0.98):
        flux, good = rng.normal(size=500), rng.random(500) > share
        at = np.arange(500)
        assert np.array_equal(bridge_bad_pixels(flux, good), np.where(good, flux, np.interp(at, at[good], flux[good])))


@pytest.mark.parametrize("spread", [0, 1, 1000])
def test_neighbours_are_those_a_search_finds_however_wrong_the_guess(spread):
    rng = np.random.default_rng(4)
    wave = spectrum_of(np.ones(3850)).wave
    target = np.sort(np.concatenate([rng.uniform(3700, 9400, 2000), wave[[0, 1, 700, -2, -1]]]))
    guess = wave.searchsorted(target) + rng.integers(-spread, spread + 1, len(target))
    left, share = find_neighbours(wave, target, guess)
    assert np.array_equal(left, np.clip(wave.searchsorted(target, side="right") - 1, 0, 3848))
    assert np.array_equal(share, np.clip((target - wave[left]) / (wave[left + 1] - wave[left]), 0, 1))


@pytest.mark.parametrize(("spacing", "pixels"), [("linear", 3688), ("log", 3689)])
@pytest.mark.parametrize("start", [3.5412, 3.58, 3.60005])  # the last stands beside the comb, half a pixel away
@pytest.mark.parametrize("n", [2500, 3850, 4500])
def test_an_unshifted_spectrum_lies_between_the_pixels_that_a_search_finds(spacing, pixels, start, n):
    grid = Grid("observed", spacing, (3850.0, 9000.0), pixels, min_coverage=0.1)
    spectrum = spectrum_of(np.random.default_rng(5).normal(1, 1, n), loglam0=start)
    flux, ivar = to_grid(spectrum, np.ones(n, bool), grid)
    inside = (grid.wavelengths >= spectrum.wave[0]) & (grid.wavelengths <= spectrum.wave[-1])
    assert np.array_equal(ivar > 0, inside)
    expected = np.interp(grid.wavelengths[inside], spectrum.wave, spectrum.flux)
    assert np.allclose(flux[inside], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "change", [dict(frame="resst"), dict(spacing="cubic"), dict(interpolation="spline"), dict(fill="nan")]
)
def test_an_unknown_word_is_named(change):
    with pytest.raises(ConfigError, match=next(iter(change.values()))):
        replace(PAPER, **change)


def test_a_log_grid_of_the_wrong_length_says_the_right_one():
    with pytest.raises(ConfigError, match="3011"):
        Grid("rest", "log", (3500.0, 7000.0), 3688)
