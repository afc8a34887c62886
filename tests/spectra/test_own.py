"""Files of one's own: one spectrum in every form gives the same pixels, and whatever is none gives a sentence."""

import builtins

import numpy as np
import pytest
from astropy import units
from astropy.table import Table

from galspec_core.errors import SpectrumError
from galspec_core.spectra.own import MOST_BYTES, read_own
from tests.spectra.spec_lite import as_bytes, coadd, columns, specobj, whole

N, Z = 2000, 0.0668
WAVE = 10 ** (3.6 + 1e-4 * np.arange(N))
RNG = np.random.default_rng(1)
FLUX, IVAR = RNG.normal(5, 0.5, N), RNG.uniform(1, 4, N)
UNIT = units.Unit("1e-17 erg / (s cm2 Angstrom)")


def write_csv(path, head="wave,flux,ivar", columns=(WAVE, FLUX, IVAR)):
    np.savetxt(path, np.column_stack(columns), delimiter=",", header=head, comments="")
    return path


def same(spectrum, rtol=1e-5):
    """Whether a spectrum has the pixels above, up to the unit of flux."""
    assert len(spectrum.flux) == N
    scale = np.median(spectrum.flux / FLUX)
    np.testing.assert_allclose(spectrum.wave, WAVE, rtol=1e-6)
    np.testing.assert_allclose(spectrum.flux, FLUX * scale, rtol=rtol)
    np.testing.assert_allclose(spectrum.ivar, IVAR / scale**2, rtol=rtol)
    return scale


def test_a_table_with_plain_columns_is_read(tmp_path):
    own = read_own(write_csv(tmp_path / "a.csv"))
    assert same(own.spectrum) == pytest.approx(1)
    assert np.isnan(own.spectrum.z)
    assert (own.name, own.fibre) == ("a.csv", None)
    assert own.at(0.3).spectrum.z == 0.3
    assert own.at(None) is own


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        (" Wavelength, FLUX ,IVar", (WAVE, FLUX, IVAR)),
        ("lambda,flux,error", (WAVE, FLUX, IVAR**-0.5)),
        ("loglam,flux,ivar", (np.log10(WAVE), FLUX, IVAR)),
        ("flux,sigma,wave,more", (FLUX, IVAR**-0.5, WAVE, FLUX)),
    ],
)
def test_columns_may_have_other_names_and_errors(tmp_path, head, columns):
    same(read_own(write_csv(tmp_path / "a.csv", head, columns)).spectrum)


def test_a_mask_makes_bad_pixels(tmp_path):
    path = write_csv(tmp_path / "a.csv", "wave,flux,ivar,mask", (WAVE, FLUX, IVAR, np.arange(N) < 100))
    assert (read_own(path).spectrum.ivar == 0).sum() == 100


@pytest.mark.parametrize("name", ["a.csv", "a.ecsv"])
def test_an_sdss_spectrum_written_as_a_table_has_the_same_pixels_and_bits(tmp_path, name):
    """Which bits are bad is the run's to say: good_pixels then agrees for any choice."""
    values = columns()
    (tmp_path / "spec.fits").write_bytes(as_bytes(coadd()))
    Table(values).write(tmp_path / name)
    (fits, table) = (read_own(tmp_path / file).spectrum for file in ("spec.fits", name))
    assert fits.and_mask.any()
    for key in ("flux", "ivar", "and_mask"):
        np.testing.assert_array_equal(getattr(table, key), getattr(fits, key))
        assert getattr(table, key).dtype == getattr(fits, key).dtype


@pytest.mark.parametrize(("value", "bits"), [(-(2**31), -(2**31)), (2**31, -(2**31)), (np.nan, 0), (3, 3)])
def test_bits_are_32_with_or_without_a_sign(tmp_path, value, bits):
    path = write_csv(tmp_path / "a.csv", "wave,flux,ivar,and_mask", (WAVE, FLUX, IVAR, np.full(N, value)))
    assert (read_own(path).spectrum.and_mask == bits).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_numbers_that_are_no_bits_do_no_harm(tmp_path, value):
    path = write_csv(tmp_path / "a.csv", "wave,flux,ivar,and_mask", (WAVE, FLUX, IVAR, np.full(N, value)))
    assert same(read_own(path).spectrum) == pytest.approx(1)


@pytest.mark.parametrize("value", [-1, 0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("unit", [None, UNIT])
def test_an_error_that_is_not_positive_makes_a_bad_pixel(tmp_path, value, unit):
    error = IVAR**-0.5
    error[7] = value
    table = Table({"wave": WAVE, "flux": FLUX, "error": error})
    table["flux"].unit = unit
    table.write(tmp_path / "a.ecsv")
    assert np.flatnonzero(read_own(tmp_path / "a.ecsv").spectrum.ivar == 0).tolist() == [7]


@pytest.mark.parametrize("suffix", ["csv", "txt"])
def test_rows_that_end_with_a_comma_keep_their_columns(tmp_path, suffix):
    path = write_csv(tmp_path / f"a.{suffix}")
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *(f"{row}," for row in rows)]))
    assert same(read_own(path).spectrum) == pytest.approx(1)
    path.write_text("\n".join([head, *(f"1,{row}" for row in rows)]))
    with pytest.raises(SpectrumError, match=f"a.{suffix}: the table cannot be read"):
        read_own(path)


@pytest.mark.parametrize("wave", [units.nm, units.um, units.Angstrom])
@pytest.mark.parametrize("flux", [UNIT, units.Unit("W / (m2 um)"), units.mJy])
def test_units_are_honoured(tmp_path, wave, flux):
    at = units.spectral_density(WAVE * units.AA)
    factor = (np.ones(N) * UNIT).to_value(flux, at)
    table = Table(
        {"wave": (WAVE * units.AA).to(wave), "flux": FLUX * factor * flux, "ivar": IVAR / factor**2 * flux**-2}
    )
    table.meta["z"] = Z
    table.write(tmp_path / "a.ecsv")
    own = read_own(tmp_path / "a.ecsv")
    assert same(own.spectrum) == pytest.approx(1)
    assert own.spectrum.z == Z


def test_errors_with_units_and_masked_values_are_honoured(tmp_path):
    table = Table({"wave": WAVE * units.AA, "flux": FLUX * UNIT, "error": IVAR**-0.5 * UNIT}, masked=True)
    table["flux"].mask[:50] = True
    table.write(tmp_path / "a.ecsv")
    found = read_own(tmp_path / "a.ecsv").spectrum
    assert (found.ivar[:50] == 0).all()
    np.testing.assert_allclose(found.ivar[50:], IVAR[50:], rtol=1e-5)


@pytest.mark.parametrize(("column", "unit"), [("wave", units.s), ("flux", units.K), ("ivar", UNIT)])
def test_a_unit_of_another_kind_is_refused(tmp_path, column, unit):
    table = Table({"wave": WAVE * units.AA, "flux": FLUX * UNIT, "ivar": IVAR * UNIT**-2})
    table[column].unit = unit
    table.write(tmp_path / "a.ecsv")
    with pytest.raises(SpectrumError, match=r"a.ecsv: the unit of \w+ is of another kind"):
        read_own(tmp_path / "a.ecsv")


def test_an_sdss_file_says_who_it_is_and_its_redshift(tmp_path):
    (tmp_path / "spec.fits").write_bytes(whole())
    own = read_own(tmp_path / "spec.fits")
    assert own.fibre == (9001, 57001, 1)
    assert own.spectrum.z == pytest.approx(0.1)
    assert len(own.spectrum.flux) == 300


def test_an_sdss_file_without_a_second_table_has_no_redshift(tmp_path):
    (tmp_path / "spec.fits").write_bytes(as_bytes(coadd()))
    assert np.isnan(read_own(tmp_path / "spec.fits").spectrum.z)


def test_files_of_the_archive_have_redshift_and_place(sdss_sample):
    for path in sorted(sdss_sample.glob("dr16/*/spectro/redux/*/spectra/lite/*/*.fits"))[::80]:
        own = read_own(path)
        assert own.fibre == tuple(int(part) for part in path.stem.split("-")[1:])
        assert np.isfinite([own.ra, own.dec, own.spectrum.z]).all()
        assert own.spectrum.z != 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"hello", "lacks wave or loglam, flux, ivar or error"),
        ("a.csv", b"wave,flux\n1,2\n", "lacks ivar or error"),
        ("a.csv", b"wave,flux,ivar\n" + b"a,b,c\n" * 30, "a column cannot be used"),
        ("a.csv", b"wave,flux,ivar\n1,2\n1,2,3,4\n", "cannot be read"),
        ("a.csv", b"\xff\xfe\x00wave" * 9, "a.csv"),
        ("a.csv", b"wave,flux,ivar\n" + b"5000,1,1\n" * 30, "one by one"),
        ("a.csv", b"loglam,flux,ivar\n4000,1,1\n" * 30, "a column cannot be used"),
        ("a.csv", b"loglam,flux,ivar\n" + b"4000,1,1\n" * 30, "got 4000 to 4000. Call a column of wavelengths wave"),
        ("a.csv", b"loglam,flux,ivar\n" + b",1,1\n" * 30, "too few pixels"),
        ("a.ecsv", b"# %ECSV 1.0\n# ---\n# datatype:\n# - !!python/object/apply:os.system ['id']\n", "cannot be read"),
        ("a.fits", b"SIMPLE  =" + b" " * 50, "cut short"),
        ("a.fits", whole()[:9000], "cut short"),
        ("a.fits", as_bytes(coadd(ivar=None), specobj()), "lacks columns"),
        ("a.fits", as_bytes(coadd(loglam=np.linspace(3.5, 3.9, 300)), specobj()), "1e-4"),
    ],
)  # fmt: skip
def test_what_is_no_spectrum_gives_a_sentence(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpectrumError, match=words) as raised:
        read_own(tmp_path / name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_a_missing_file_and_a_huge_one_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.fits"):
        with pytest.raises(SpectrumError, match="cannot be read"):
            read_own(path)
    with open(tmp_path / "huge.fits", "wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SpectrumError, match="too large"):
        read_own(tmp_path / "huge.fits")


def test_without_specutils_a_sentence_says_how_to_install_it(tmp_path, monkeypatch):
    def refuse(name, *arguments, **options):
        if name == "specutils":
            raise ModuleNotFoundError("No module named 'specutils'", name="specutils")
        return builtin(name, *arguments, **options)

    builtin = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    (tmp_path / "x.asdf").write_bytes(b"something else")
    with pytest.raises(SpectrumError, match=r"not installed; got specutils. Install it with: pip install .*spectra"):
        read_own(tmp_path / "x.asdf")
