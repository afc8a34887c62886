"""Spectra of specutils: whatever way errors and wavelengths are written, the pixels are the same, or a sentence says why not."""

import warnings

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import InverseVariance, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty

from galspec_core.errors import SpectrumError
from galspec_core.spectra.own import from_specutils, read_own
from tests.conftest import lacking
from tests.spectra.test_own import FLUX, IVAR, UNIT, WAVE, N, Z, same


@pytest.fixture
def theirs():
    """Give the class of specutils, or skip."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from specutils import Spectrum
        except ModuleNotFoundError:
            lacking("specutils is not installed")
    return Spectrum


def test_a_spectrum_of_specutils_is_taken_with_mask_and_redshift(theirs):
    kinds = dict(flux=FLUX * UNIT, spectral_axis=WAVE * units.AA, uncertainty=InverseVariance(IVAR / UNIT**2))
    found = from_specutils(theirs(**kinds, redshift=Z)).spectrum
    assert same(found) == pytest.approx(1)
    assert found.z == pytest.approx(Z)
    masked = from_specutils(theirs(**kinds, mask=np.arange(N) < 10)).spectrum
    assert (masked.ivar == 0).sum() == 10
    assert np.isnan(masked.z)


@pytest.mark.filterwarnings("ignore")
def test_files_that_specutils_writes_are_read(theirs, tmp_path):
    kinds = dict(flux=FLUX * UNIT, spectral_axis=WAVE * units.AA, uncertainty=InverseVariance(IVAR / UNIT**2))
    theirs(**kinds).write(tmp_path / "a.fits", format="tabular-fits")
    same(read_own(tmp_path / "a.fits").spectrum, rtol=1e-4)
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(SpectrumError, match=r"noise.bin: no kind of spectrum that can be read"):
        read_own(tmp_path / "noise.bin")


def test_several_spectra_or_none_without_errors_are_refused(theirs):
    axis = np.linspace(4000, 8000, 50) * units.AA
    with pytest.raises(SpectrumError, match="only one spectrum"):
        from_specutils(theirs(flux=np.ones((2, 50)) * UNIT, spectral_axis=axis))
    with pytest.raises(SpectrumError, match="no uncertainty"):
        from_specutils(theirs(flux=np.ones(50) * UNIT, spectral_axis=axis))


@pytest.mark.parametrize("unit", [UNIT, units.Unit("1e-18 erg / (s cm2 Angstrom)"), units.Unit("W / (m2 um)"), None])
@pytest.mark.parametrize("kind", [StdDevUncertainty, VarianceUncertainty, InverseVariance])
def test_errors_mean_the_same_however_they_are_written(theirs, kind, unit):
    power = {StdDevUncertainty: 1, VarianceUncertainty: 2, InverseVariance: -2}[kind]
    spread = kind((IVAR**-0.5 * UNIT).to_value(unit or UNIT) ** power, unit=None if unit is None else unit**power)
    found = from_specutils(theirs(flux=FLUX * UNIT, spectral_axis=WAVE * units.AA, uncertainty=spread)).spectrum
    assert same(found) == pytest.approx(1)


@pytest.mark.parametrize("kind", [StdDevUncertainty, VarianceUncertainty, InverseVariance])
def test_errors_that_are_not_positive_make_bad_pixels(theirs, kind):
    values = np.ones(N)
    values[:50:10] = -1, 0, np.nan, np.inf, -np.inf
    own = from_specutils(theirs(flux=FLUX * UNIT, spectral_axis=WAVE * units.AA, uncertainty=kind(values)))
    assert np.flatnonzero(own.spectrum.ivar == 0).tolist() == [0, 10, 20, 30, 40]


@pytest.mark.parametrize(
    ("axis", "spread", "words"),
    [
        (WAVE * units.AA, UnknownUncertainty(IVAR), "expected StdDevUncertainty.*got UnknownUncertainty. Give its"),
        (WAVE * units.AA, None, "got none. Give its errors"),
        (WAVE * units.km / units.s, InverseVariance(IVAR), "expected Angstrom; got km / s. Give wave in"),
    ],
)
def test_what_cannot_be_used_is_said_with_what_to_do(theirs, axis, spread, words):
    with pytest.raises(SpectrumError, match=words) as raised:
        from_specutils(theirs(flux=FLUX * UNIT, spectral_axis=axis, uncertainty=spread), "x")
    assert raised.value.item == "x"
    assert raised.value.remedy


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "found"), [("AWAV", (5008.240, 6564.61)), ("WAVE", (5006.843, 6562.79))])
def test_wavelengths_in_air_become_those_in_vacuum(theirs, tmp_path, kind, found):
    """[O III] and Hα stand at 5006.843 and 6562.79 Å in air, at 5008.240 and 6564.61 Å in vacuum (NIST)."""
    wave = np.arange(4000, 8000, 0.5)
    flux = sum(np.exp(-0.5 * ((wave - line) / 2) ** 2) for line in (5006.843, 6562.79))
    image, errors = fits.PrimaryHDU(flux), fits.ImageHDU(np.ones(len(wave)), name="IVAR")
    facts = dict(CTYPE1=kind, CUNIT1="Angstrom", CRVAL1=4000.0, CDELT1=0.5, CRPIX1=1.0)
    image.header.update(facts | dict(BUNIT="1e-17 erg / (s cm2 Angstrom)"))
    fits.HDUList([image, errors]).writeto(tmp_path / "a.fits")
    by_hand = theirs(
        flux=flux * UNIT, spectral_axis=wave * units.AA, uncertainty=InverseVariance(np.ones(len(wave)) / UNIT**2)
    )
    by_hand.meta["header"] = image.header
    for spectrum in (read_own(tmp_path / "a.fits").spectrum, from_specutils(by_hand).spectrum):
        for line in found:
            near = np.abs(spectrum.wave - line) < 20
            centre = np.average(spectrum.wave[near], weights=spectrum.flux[near])
            assert centre == pytest.approx(line, abs=0.02)


def test_air_without_a_refraction_is_refused(theirs):
    axis, ivar = np.arange(1500.0, 3000) * units.AA, InverseVariance(np.ones(1500))
    found = theirs(flux=np.ones(1500) * UNIT, spectral_axis=axis, uncertainty=ivar, meta={"CTYPE1": "AWAV-LOG"})
    with pytest.raises(SpectrumError, match="cannot be used"):
        from_specutils(found)
