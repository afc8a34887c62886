"""What holds for every spectrum: scale does not matter, S/N is kept, NaN never leaves, files come back as they went."""

from contextlib import suppress

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from galspec_core.errors import SpectrumError
from galspec_core.spectra.grid import INTERPOLATIONS, Grid, to_grid
from galspec_core.spectra.prepare import PrepareConfig, prepare
from galspec_core.spectra.spectrum import MASK_BITS, Spectrum, good_pixels, mask_value, normalise, read_spec_lite
from tests.spectra.spec_lite import IDENTITY, NAME, as_bytes, coadd

L, WINDOW = 60, (3810.0, 3840.0)
CONFIG = PrepareConfig(("NODATA",), WINDOW, 0.1, 0.1, 1.0, 0)
GRIDS = st.builds(
    lambda name, fill, frame: Grid(frame, "linear", (3803.0, 3850.0), 40, name, fill, 0.1),
    st.sampled_from(sorted(INTERPOLATIONS)),
    st.sampled_from(["edge", "zero", "one"]),
    st.sampled_from(["observed", "rest"]),
)
ANY, USUAL, NEAR = st.floats(width=32), st.floats(0.5, 100.0, width=32), st.floats(-0.002, 0.002)
MIXED = USUAL | USUAL | ANY
BITS = arrays("i4", L, elements=st.integers(-(2**31), 2**31 - 1))


def spectra(flux=ANY, ivar=ANY, bits=BITS, z=NEAR):
    """Return a strategy of spectra of 60 native pixels from 3801 Angstrom on."""
    parts = (arrays("f4", L, elements=flux), arrays("f4", L, elements=ivar), bits, z)
    return st.builds(lambda *values: Spectrum(3.58, *values), *parts)


CLEAN = spectra(USUAL, USUAL, st.just(np.zeros(L, "i4")))


@given(spectra(MIXED, MIXED), GRIDS)
def test_no_nan_leaves_whatever_the_pixels_hold(spectrum, grid):
    try:
        flux, ivar = prepare(spectrum, CONFIG, grid)
    except SpectrumError:
        return
    assert np.isfinite(flux).all()
    assert np.isfinite(ivar).all()
    assert (ivar >= 0).all()


@given(CLEAN, st.sampled_from([2.0**-20, 0.125, 1.0, 8.0, 2.0**20]))
def test_normalising_keeps_the_snr_of_each_pixel_and_forgets_the_scale(spectrum, scale):
    good = np.ones(L, bool)
    scaled = Spectrum(
        3.58, spectrum.flux * np.float32(scale), spectrum.ivar / np.float32(scale**2), spectrum.and_mask, spectrum.z
    )
    ours, theirs = (normalise(s, good, WINDOW) for s in (spectrum, scaled))
    np.testing.assert_allclose(ours.flux * np.sqrt(ours.ivar), spectrum.flux * np.sqrt(spectrum.ivar), rtol=1e-5)
    np.testing.assert_allclose(theirs.flux, ours.flux, rtol=1e-5)
    np.testing.assert_allclose(theirs.ivar, ours.ivar, rtol=1e-5)


@given(CLEAN, GRIDS)
def test_a_grid_never_leaves_the_range_of_the_pixels(spectrum, grid):
    flux, ivar = to_grid(spectrum, np.ones(L, bool), grid)
    inside = flux[ivar > 0]
    assert inside.min() >= spectrum.flux.min() * (1 - 1e-5)
    assert inside.max() <= spectrum.flux.max() * (1 + 1e-5)


@given(CLEAN, st.sets(st.integers(1, L - 2), max_size=20))
def test_what_stands_in_a_bad_pixel_does_not_matter(spectrum, bad):
    grid, rows = Grid("observed", "linear", (3803.0, 3850.0), 40), sorted(bad)
    good = np.ones(L, bool)
    good[rows] = False
    flux = spectrum.flux.copy()
    flux[rows] = np.nan
    spoilt = Spectrum(3.58, flux, spectrum.ivar, spectrum.and_mask, spectrum.z)
    for ours, theirs in zip(to_grid(spectrum, good, grid), to_grid(spoilt, good, grid), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(spectra(), st.sampled_from(sorted(MASK_BITS)))
def test_a_pixel_with_a_bad_bit_is_never_good(spectrum, name):
    good = good_pixels(spectrum, mask_value([name]))
    assert not (good & (spectrum.and_mask >> MASK_BITS[name] & 1).astype(bool)).any()
    assert not (good & ~(spectrum.ivar > 0)).any()


@given(spectra(), st.sampled_from(["E", "D"]))
def test_a_file_comes_back_as_it_went_bit_by_bit(spectrum, kind):
    loglam = 3.58 + 1e-4 * np.arange(L)
    values = dict(flux=spectrum.flux, loglam=loglam, ivar=spectrum.ivar, and_mask=spectrum.and_mask)
    back = read_spec_lite(as_bytes(coadd({"loglam": kind}, **values)), spectrum.z, NAME, IDENTITY)
    assert back.loglam0 == 3.58
    for key in ("flux", "ivar", "and_mask"):
        np.testing.assert_array_equal(getattr(back, key), getattr(spectrum, key))


@given(st.binary(max_size=9000), st.booleans())
def test_any_bytes_are_read_or_refused(content, promising):
    head = b"SIMPLE  =                    T".ljust(80) if promising else b""
    with suppress(SpectrumError):
        assert len(read_spec_lite(head + content, 0.1, NAME).flux)
