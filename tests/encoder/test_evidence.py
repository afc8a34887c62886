"""Matched filters on what is left: calibrated on noise, exact on what was put in."""

import numpy as np
import pytest

from galspec_core.encoder.evidence import BACKGROUND, NARROW, matched_filter, own_lines, profile, search_background
from galspec_core.spectra.grid import Grid

GRID = Grid(frame="rest", spacing="log", wave=[2300.0, 9300.0], pixels=6068)
LOGLAM = np.log10(GRID.wavelengths)


def background(z, z_source, snr, weight):
    """Return the lines of BACKGROUND at z_source in the frame of a galaxy at z, with a matched-filter S/N of ``snr``."""
    sigma = np.log10(1 + NARROW / 299792.458)
    lines = sum(
        height * np.exp(-0.5 * ((LOGLAM - np.log10(wave * (1 + z_source) / (1 + z))) / sigma) ** 2)
        for parts in BACKGROUND.values()
        for wave, height in parts
    )
    return (lines * snr / np.sqrt((lines**2 * weight).sum())).astype("f4")


def noise(n, seed=0):
    rng = np.random.default_rng(seed)
    weight = rng.uniform(20, 200, (n, GRID.pixels)).astype("f4")
    weight[:, 2000:2100] = 0
    return (rng.normal(size=weight.shape) / np.sqrt(np.where(weight > 0, weight, 1))).astype("f4"), weight


@pytest.mark.parametrize("sigma", [120.0, 1000.0])
def test_on_noise_the_filter_is_a_standard_normal(sigma):
    residual, weight = noise(20)
    snr = matched_filter(residual, weight, profile(sigma))
    assert snr[:, 100:1900].mean() == pytest.approx(0, abs=0.05)
    assert snr[:, 100:1900].std() == pytest.approx(1, abs=0.05)


def test_a_line_has_the_significance_that_it_was_given():
    weight = np.full((1, GRID.pixels), 100, "f4")
    kernel = profile(200.0)
    residual = np.zeros_like(weight)
    reach = len(kernel) // 2
    residual[0, 3000 - reach : 3000 + reach + 1] = kernel
    residual *= 7 / np.sqrt((residual**2 * weight).sum())
    snr = matched_filter(residual, weight, kernel)[0]
    assert snr.argmax() == 3000
    assert snr.max() == pytest.approx(7, rel=1e-3)


def test_a_doublet_is_found_at_its_first_line():
    """[O III] 4960 stands blueward of 5008: the filter leans to the left, and so must what it is compared with."""
    kernel = profile(NARROW, BACKGROUND["[O III] 5007"])
    middle, separation = len(kernel) // 2, round(np.log10(5008.24 / 4960.30) / 1e-4)
    assert kernel.argmax() == middle
    assert kernel[middle - separation] == pytest.approx(1 / 2.98, rel=0.05)
    assert kernel[middle + separation] < 1e-6
    residual = np.zeros((1, 500), "f4")
    residual[0, 250 - middle : 250 + middle + 1] = kernel[: min(len(kernel), 500)]
    assert matched_filter(residual, np.ones_like(residual), kernel)[0].argmax() == 250


def test_where_no_pixel_is_good_there_is_no_evidence():
    residual, weight = noise(2)
    snr = matched_filter(residual, weight, profile(NARROW))
    assert (snr[:, 2030:2070] == 0).all()
    assert (matched_filter(residual, np.zeros_like(weight), profile(NARROW)) == 0).all()


@pytest.mark.parametrize(("z", "z_source"), [(0.05, 0.3), (0.2, 0.45), (0.4, 0.8), (0.5, 1.2)])
def test_a_background_galaxy_is_found_at_its_redshift(z, z_source):
    residual, weight = noise(1, seed=3)
    found = search_background(residual + background(z, z_source, 15, weight), weight, LOGLAM, [z])
    assert found.z[0] == pytest.approx(z_source, abs=5e-4)
    assert found.snr[0] == pytest.approx(15, abs=3.5)
    assert found.lines.shape == (1, len(BACKGROUND))


def test_each_galaxy_is_searched_behind_its_own_redshift():
    residual, weight = noise(6, seed=4)
    z = np.array([0.01, 0.1, 0.2, 0.3, 0.5, 0.69])
    found = search_background(residual, weight, LOGLAM, z)
    assert (found.z > z + 0.049).all()
    assert (found.z < 1.61).all()
    alone = search_background(residual[3:4], weight[3:4], LOGLAM, z[3:4])
    assert alone.z[0] == found.z[3]
    assert alone.snr[0] == pytest.approx(found.snr[3])


def test_the_galaxys_own_lines_are_no_background():
    residual, weight = noise(1, seed=5)
    strong = residual.copy()
    strong[:, own_lines(LOGLAM)] += 50
    found = [search_background(x, weight, LOGLAM, [0.1]) for x in (residual, strong)]
    assert found[0].snr[0] == pytest.approx(found[1].snr[0], rel=1e-5)


def test_no_spectrum_gives_no_evidence():
    empty = np.empty((0, GRID.pixels), "f4")
    assert len(search_background(empty, empty, LOGLAM, []).snr) == 0
