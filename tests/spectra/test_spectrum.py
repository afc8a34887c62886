"""Reading and normalising one spectrum."""

import random
import tracemalloc
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.spectra.fits_bytes import Hdu
from galspec_core.spectra.spectrum import (
    Spectrum,
    check_pixels,
    good_pixels,
    mask_value,
    median,
    normalise,
    read_spec_lite,
    window_median,
)

WINDOW = (5300.0, 5850.0)
REAL = Path(__file__).parents[3] / "shared/real/sas"


def flat_spectrum(z=0.1, level=3.0, pixels=3850, loglam0=3.58):
    flux = np.full(pixels, level, "f4")
    return Spectrum(loglam0, flux, np.full(pixels, 4.0, "f4"), np.zeros(pixels, "i4"), z)


def spec_lite(columns=("flux", "loglam", "ivar", "and_mask"), pixels=100, loglam=None, flux="E", header=()):
    loglam = 3.58 + 1e-4 * np.arange(pixels) if loglam is None else loglam
    values = dict(flux=np.arange(pixels), loglam=loglam, ivar=np.ones(pixels), and_mask=np.zeros(pixels))
    if flux != "E":
        values["flux"] = np.zeros(pixels, "S10") if flux == "10A" else np.zeros((pixels, 2))
    formats = dict(flux=flux, loglam="E", ivar="E", and_mask="J")
    table = fits.BinTableHDU.from_columns([fits.Column(c, formats[c], array=values[c]) for c in columns], name="COADD")
    out = BytesIO()
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(header)), table]).writeto(out)
    return out.getvalue()


def reason(call, *args):
    with pytest.raises(SpectrumError) as caught:
        call(*args)
    return caught.value.reason


def test_a_written_spectrum_is_read_back_on_the_comb():
    spectrum = read_spec_lite(spec_lite(), z=0.05)
    assert spectrum.loglam0 == 3.58
    assert np.array_equal(spectrum.flux, np.arange(100, dtype="f4"))
    assert spectrum.wave[-1] == pytest.approx(10 ** (3.58 + 0.0099), rel=1e-12)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<html>not here</html>", "not FITS"),
        (spec_lite()[:-100], "cut short"),
        (spec_lite()[:2880], "cut short"),
        (spec_lite(columns=("flux", "loglam", "ivar")), "missing column"),
        (spec_lite(pixels=0), "no pixels"),
        (spec_lite(flux="10A"), "wrong type"),
        (spec_lite(flux="2E"), "wrong type"),
        (spec_lite(loglam=np.linspace(3.5, 3.9, 100)), "irregular wavelengths"),
        (spec_lite(loglam=np.full(100, np.nan)), "irregular wavelengths"),
        (spec_lite(loglam=3.6 - 1e-4 * np.arange(100)), "irregular wavelengths"),
    ],
)
def test_a_file_that_is_no_spectrum_is_refused_with_its_reason(content, expected):
    assert reason(read_spec_lite, content, 0.1) == expected


@pytest.mark.parametrize("card", [("PLATEID", 267), ("MJD", 51603), ("FIBERID", 2)])
def test_another_spectrum_is_noticed_by_any_of_its_numbers(card):
    whole = dict(PLATEID=266, MJD=51602, FIBERID=1)
    for header in (whole | dict([card]), dict([card])):
        content = spec_lite(header=list(header.items()))
        assert reason(read_spec_lite, content, 0.1, "name", (266, 51602, 1)) == "another spectrum"
    read_spec_lite(spec_lite(header=list(whole.items())), 0.1, "name", (266, 51602, 1))


@pytest.mark.parametrize("seed", range(60))
def test_a_file_with_wrong_bytes_is_read_or_refused_and_nothing_else(seed):
    rng, content = random.Random(seed), bytearray(spec_lite(header=[("PLATEID", 266)]))
    for _ in range(rng.choice([1, 3, 10])):
        content[rng.randrange(3 * 2880)] = rng.choice(b"9 -'=\0\xff" + bytes([rng.randrange(256)]))
    with suppress(SpectrumError):
        spectrum = read_spec_lite(bytes(content), 0.1, "name", (266, 51602, 1))
        assert len(spectrum.flux) == len(spectrum.ivar) == len(spectrum.and_mask) > 0


def test_a_compressed_image_in_place_of_the_table_is_not_unpacked():
    out = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((2000, 2000), "i2"))]).writeto(out)
    tracemalloc.start()
    try:
        assert reason(read_spec_lite, out.getvalue(), 0.1) == "missing column"
        assert tracemalloc.get_traced_memory()[1] < 2_000_000  # the image would take 8 MB
    finally:
        tracemalloc.stop()


def test_normalising_keeps_the_signal_to_noise_of_every_pixel():
    spectrum = flat_spectrum()
    scaled = normalise(spectrum, np.ones(3850, bool), WINDOW)
    before, after = (s.flux * np.sqrt(s.ivar) for s in (spectrum, scaled))
    assert np.allclose(before, after, rtol=1e-6)
    assert window_median(scaled, np.ones(3850, bool), WINDOW) == pytest.approx(1)


def test_the_window_is_whole_up_to_z_0_69_of_a_9200_angstrom_spectrum_and_gone_beyond():
    good = np.ones(3850, bool)
    assert window_median(flat_spectrum(z=0.5), good, WINDOW) == 3.0
    assert reason(window_median, flat_spectrum(z=0.75), good, WINDOW) == "no normalisation window"


def test_a_window_half_masked_is_the_limit():
    spectrum = flat_spectrum(z=0.0)
    inside = np.flatnonzero((spectrum.wave >= 5300) & (spectrum.wave <= 5850))
    good = np.ones(3850, bool)
    good[inside[: len(inside) // 2 - 2]] = False
    assert window_median(spectrum, good, WINDOW) == 3.0
    good[inside[: len(inside) // 2 + 3]] = False
    assert reason(window_median, spectrum, good, WINDOW) == "no normalisation window"


def test_a_negative_median_cannot_normalise():
    assert reason(window_median, flat_spectrum(level=-1.0), np.ones(3850, bool), WINDOW) == "median not positive"


def test_pixels_are_bad_by_ivar_by_mask_and_by_value():
    spectrum = flat_spectrum(pixels=6)
    spectrum.ivar[0] = 0
    spectrum.ivar[1] = -1
    spectrum.flux[2] = np.nan
    spectrum.and_mask[3] = 1 << 24  # NODATA
    spectrum.and_mask[4] = 1 << 16  # NEARBADPIXEL: flagged, still usable
    assert good_pixels(spectrum, mask_value(["NODATA"])).tolist() == [False, False, False, False, True, True]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (dict(ivar=np.zeros(100, "f4")), "all masked"),
        (dict(flux=np.full(100, np.nan, "f4")), "all NaN"),
        (dict(z=np.nan), "redshift"),
        (dict(ivar=np.r_[np.ones(30), np.zeros(70)].astype("f4")), "few good pixels"),
    ],
)
def test_a_spectrum_without_enough_pixels_is_refused_with_its_reason(change, expected):
    base = flat_spectrum(pixels=100)
    spectrum = Spectrum(**{**vars(base), **change})
    assert reason(check_pixels, spectrum, good_pixels(spectrum, 0), 0.5) == expected


def test_a_mask_bit_sdss_does_not_have_is_named():
    with pytest.raises(ConfigError, match="BRIGHTSKI"):
        mask_value(["BRIGHTSKI"])


@pytest.mark.skipif(not REAL.is_dir(), reason="the SDSS sample is not beside this checkout")
def test_real_files_give_what_astropy_reads():
    paths = sorted(REAL.glob("dr16/*/spectro/redux/*/spectra/lite/*/spec-*.fits"))
    assert paths
    for path in paths:
        spectrum = read_spec_lite(path.read_bytes(), z=0.1, name=path.name)
        with fits.open(path) as hdus:
            data = hdus["COADD"].data
            assert np.array_equal(spectrum.flux, data["flux"])
            assert np.array_equal(spectrum.ivar, data["ivar"])
            assert np.array_equal(spectrum.and_mask, data["and_mask"])
            assert np.allclose(np.log10(spectrum.wave), data["loglam"], atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 799, 800])
def test_the_median_is_numpys(n):
    values = np.random.default_rng(n).normal(size=n)
    assert median(values) == np.median(values)


@pytest.mark.parametrize("n", [1, 1024, 3850, 9569, 9570, 15001])
@pytest.mark.parametrize("start", [3.5431, 3.54315, 2.9])
def test_wavelengths_are_those_of_the_comb_to_rounding(start, n):
    spectrum = Spectrum(start, *np.ones((2, n), "f4"), np.zeros(n, "i4"), 0.1)
    assert np.allclose(spectrum.wave, 10 ** (start + 1e-4 * np.arange(n)), rtol=1e-14, atol=0)


def test_spectra_that_begin_at_other_pixels_of_the_comb_share_wavelengths_to_the_last_bit():
    early, late = (Spectrum(start, *np.ones((2, 3850), "f4"), np.zeros(3850, "i4"), 0.1) for start in (3.5431, 3.5802))
    assert np.array_equal(early.wave[371:], late.wave[:-371])


def test_a_card_is_the_first_with_its_whole_keyword():
    cards = ["NAXIS1  = 12 / length", "NAXIS   = 2", "NAXIS   = 3", "TTYPE1  = 'it''s  '", "EMPTY   =", "COMMENT = 1"]
    hdu = Hdu("".join(card.ljust(80) for card in cards).encode(), 0, 0)
    assert [hdu.text(key) for key in ("NAXIS", "NAXIS1", "TTYPE1", "EMPTY", "TTYPE")] == ["2", "12", "it's", None, None]
    assert (hdu.number("NAXIS"), hdu.number("TTYPE1"), hdu.number("GCOUNT", 1)) == (2, None, 1)
