"""Any wavelengths onto the comb: the flux is conserved, what was not seen stays unseen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galspec_core.encoder.evidence import NARROW, matched_filter, profile
from galspec_core.errors import SpectrumError
from galspec_core.spectra.resample import covered, is_coarse, to_comb
from galspec_core.spectra.spectrum import DLOGLAM


def integral(spectrum, low, high):
    use = (spectrum.wave > low) & (spectrum.wave < high)
    return (spectrum.flux * spectrum.wave * DLOGLAM * np.log(10))[use].sum()


@given(st.floats(0.2, 1.2), st.floats(4500, 8000))
def test_the_flux_of_a_line_is_conserved(step, centre):
    wave = np.arange(3900, 9000, step)
    line = 5 * np.exp(-0.5 * ((wave - centre) / 4) ** 2)
    found = to_comb(wave, line, np.ones(len(wave)), 0.1)
    assert integral(found, centre - 40, centre + 40) == pytest.approx(5 * 4 * np.sqrt(2 * np.pi), rel=0.01)


def test_wavelengths_on_the_comb_stay_as_they_are():
    wave = 10 ** (3.5801 + DLOGLAM * np.arange(3000))
    flux = np.random.default_rng(0).normal(size=3000).astype("f4")
    for order in (slice(None), slice(None, None, -1)):
        found = to_comb(wave[order], flux[order], np.full(3000, 2.0), 0.1)
        assert found.loglam0 == pytest.approx(3.5801, abs=1e-6)
        np.testing.assert_array_equal(found.flux, flux)
        assert (found.ivar == 2).all()


def test_a_constant_stays_one_with_less_noise_where_pixels_are_averaged():
    wave = np.arange(4000, 9000, 0.25)
    found = to_comb(wave, np.full(len(wave), 3.0), np.full(len(wave), 4.0), 0.0)
    good = found.ivar > 0
    assert good.mean() > 0.999
    np.testing.assert_allclose(found.flux[good], 3.0, rtol=1e-5)
    width = found.wave * DLOGLAM * np.log(10)  # a native pixel of this many Angstrom averages four times as many
    np.testing.assert_allclose(found.ivar[good], (4 * 4 * width)[good], rtol=0.25)


@pytest.mark.parametrize("step", [0.2, 0.9, 2, 4, 6])
def test_information_is_conserved_whatever_the_pixels(step):
    """The sum of ivar, so the S/N of a flat spectrum, is that of the input pixels, but for both ends."""
    wave = np.arange(4500, 8000, step)
    ivar = np.random.default_rng(0).uniform(0.5, 2, len(wave))
    found = to_comb(wave, np.ones(len(wave)), ivar, 0.0)
    assert found.ivar.sum(dtype="f8") == pytest.approx(ivar.sum(), rel=0.005)


@pytest.mark.parametrize("step", [0.2, 0.9, 2, 4, 6])
def test_noise_of_a_window_is_as_foretold(step):
    """The mean of 100 native pixels, wider than any input pixel, scatters by 1 over the root of its ivar."""
    wave, rng = np.arange(4500, 8000, step), np.random.default_rng(1)
    scatter = []
    for _ in range(60):
        found = to_comb(wave, rng.normal(size=len(wave)), np.ones(len(wave)), 0.0)
        flux, ivar = (values[50:2450].reshape(24, 100).astype("f8") for values in (found.flux, found.ivar))
        scatter.append((flux * ivar).sum(axis=1) / np.sqrt(ivar.sum(axis=1)))
    assert np.std(scatter) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("step", [0.9, 2, 4, 6])
def test_no_line_is_seen_in_noise_that_is_not_there(step):
    """The S/N of a narrow line at any place of pure noise scatters by 1 or less, as its threshold takes for granted."""
    wave, rng = np.arange(4500, 8000, step), np.random.default_rng(2)
    spectra = [to_comb(wave, rng.normal(size=len(wave)), np.ones(len(wave)), 0.0) for _ in range(30)]
    flux, ivar = (np.stack([getattr(each, key) for each in spectra]) for key in ("flux", "ivar"))
    assert matched_filter(flux, ivar, profile(NARROW)).std() < 1.1


def test_coarse_pixels_are_said_to_be_so():
    assert [is_coarse(np.arange(4500.0, 8000, step)) for step in (0.9, 1.5, 4, 6)] == [False, False, True, True]
    assert is_coarse(np.arange(8000.0, 4500, -4))
    assert not is_coarse(10 ** (3.6 + DLOGLAM * np.arange(3000)))


def test_a_rogue_pixel_takes_no_digits_from_the_others():
    wave = np.arange(4000.0, 9000, 0.7)
    rogue = np.where(np.abs(wave - 5000) < 0.3, 1e25, 1.0)
    plain, spoilt = (to_comb(wave, np.ones(len(wave)), ivar, 0.0) for ivar in (np.ones(len(wave)), rogue))
    far = np.abs(plain.wave - 5000) > 3
    np.testing.assert_array_equal(spoilt.ivar[far], plain.ivar[far])


@pytest.mark.parametrize("step", [0.3, 0.9, 6])
@pytest.mark.parametrize("order", [1, -1])
def test_bits_stay_where_they_were_set(step, order):
    """Every native pixel whose flux is in part from a pixel has its bits, and none that lies wholly beyond its neighbours."""
    wave = np.arange(4500.0, 8000, step)
    bits = np.zeros(len(wave), "i8")
    for place, bit in ((5000, 1), (6000, 4), (6000 + step, 1 << 24)):
        bits[np.abs(wave - place).argmin()] |= bit
    flux = np.where(bits != 0, 100.0, 0.0)
    found = to_comb(wave[::order], flux[::order], np.ones(len(wave)), 0.0, and_mask=bits[::order])
    assert found.and_mask.dtype == np.int32
    assert set(np.bitwise_or.reduce(found.and_mask, keepdims=True)) == {1 | 4 | 1 << 24}
    assert (found.and_mask[found.flux > 1e-3] != 0).all()
    assert (np.abs(found.wave[found.and_mask & 1 != 0] - 5000) < step + 2).all()


def test_coarse_pixels_are_drawn_between():
    wave = np.arange(4000.0, 9000, 8)
    found = to_comb(wave, wave / 1000, np.ones(len(wave)), 0.0)
    good = found.ivar > 0
    assert good.mean() > 0.99
    np.testing.assert_allclose(found.flux[good], found.wave[good] / 1000, rtol=1e-5)


def test_holes_bad_pixels_and_ends_have_no_weight():
    wave = np.concatenate([np.arange(4000.0, 6000), np.arange(6300.0, 8000)])
    ivar = np.ones(len(wave))
    ivar[(wave > 5000) & (wave < 5050)] = 0
    flux = np.where((wave > 7000) & (wave < 7010), np.nan, 1.0)
    found = to_comb(wave, flux, ivar, 0.0)
    bad = found.ivar == 0
    for low, high in ((6001, 6299), (5002, 5048), (7001, 7009)):
        assert bad[(found.wave > low) & (found.wave < high)].all()
    assert not bad[(found.wave > 5060) & (found.wave < 5990)].any()
    assert (found.wave[0] >= 3999.5) & (found.wave[-1] <= 7999.6)
    assert np.isfinite(found.flux[~bad]).all()


def test_a_spectrograph_whose_step_changes_has_no_holes():
    wave = np.cumsum(np.linspace(0.5, 3, 2500)) + 3800
    assert covered(wave, np.linspace(3810, wave[-1] - 10, 1000)).all()


@pytest.mark.parametrize(
    ("wave", "word"),
    [
        (np.arange(5.0), "too few"),
        (np.full(50, np.nan), "too few"),
        (np.repeat(np.arange(4000.0, 4050), 2), "one by one"),
        (np.linspace(0.4, 0.9, 50), "Angstrom"),
        (np.linspace(4e10, 9e10, 50), "Angstrom"),
        (np.linspace(-10, 9000, 50), "Angstrom"),
    ],
)
def test_wavelengths_that_cannot_be_are_refused(wave, word):
    with pytest.raises(SpectrumError, match=word):
        to_comb(wave, np.ones(len(wave)), np.ones(len(wave)), 0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e300])
def test_numbers_that_no_pixel_can_have_are_bad_pixels(value):
    wave = np.arange(4000.0, 8000)
    flux, ivar = np.ones(len(wave)), np.ones(len(wave))
    flux[1000:1100], ivar[2000:2100] = value, value
    found = to_comb(wave, flux, ivar, 0.1)
    for low, high in ((5001, 5099), (6001, 6099)):
        assert (found.ivar[(found.wave > low) & (found.wave < high)] == 0).all()
    assert (found.ivar > 0).mean() > 0.9


def test_nothing_good_at_all_is_said():
    wave = np.arange(4000.0, 8000)
    with pytest.raises(SpectrumError, match="no flux has a finite value"):
        to_comb(wave, np.full(len(wave), np.nan), np.ones(len(wave)), 0.1)


def test_lists_of_other_lengths_are_refused():
    with pytest.raises(SpectrumError, match="equally long"):
        to_comb(np.arange(4000.0, 4100), np.ones(99), np.ones(100), 0.1)
