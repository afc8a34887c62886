"""Names of SDSS spectra: what each form says, and where a plate may stand."""

from types import SimpleNamespace

import pytest

from galspec_core.spectra.names import parse_name, possible_run2d, spectrum_name, spell_run2d


@pytest.mark.parametrize(
    "text", ["881-52368-36", "0881-52368-0036", "spec-0881-52368-0036", "spec-0881-52368-0036.fits", " 881-52368-36 "]
)
def test_every_way_of_writing_a_name_is_one_name(text):
    assert parse_name(text) == (881, 52368, 36, None)


def test_a_spectrum_s_name_is_read_back_and_one_of_no_single_fibre_has_its_specobjid():
    row = SimpleNamespace(plate=266, mjd=51630, fiberid=12, specobjid=2**63 + 1)
    assert spectrum_name(row) == "0266-51630-0012"
    assert parse_name(spectrum_name(row)) == (266, 51630, 12, None)
    assert spectrum_name(SimpleNamespace(plate=9999, mjd=0, fiberid=0, specobjid=2**63 + 1)) == str(2**63 + 1)


def test_a_specobjid_holds_plate_mjd_fiber_and_reduction():
    """SDSS data model: 14 bits of plate, 12 of fiber, 14 of mjd - 50000, 14 of run2d, 10 of lines."""
    made = 8231 << 50 | 298 << 38 | (57120 - 50000) << 24 | 1300 << 10
    assert made > 2**63
    assert parse_name(str(made)) == (8231, 57120, 298, "v5_13_0")
    assert parse_name(str(266 << 50 | 1 << 38 | (51600 - 50000) << 24 | 26 << 10)) == (266, 51600, 1, "26")


@pytest.mark.parametrize(
    "text", ["", "881", "881-52368", "881-52368-36-1", "../881-52368-36", "a-b-c", "99999999999999999999", "x.fits"]
)
def test_what_is_no_name_is_none(text):
    assert parse_name(text) is None


def test_old_plates_stand_under_numbers_and_new_ones_under_versions():
    assert possible_run2d(266) == ["26", "103", "104"]
    assert possible_run2d(8231) == ["v5_13_0"]
    assert possible_run2d(8231, ["v5_10_0", "26"]) == ["v5_13_0", "v5_10_0"]
    assert spell_run2d(1002) == "v5_10_2"
