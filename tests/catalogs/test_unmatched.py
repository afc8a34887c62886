"""Rows of a user's table that became no target: each is told why, and which spectrum is nearest."""

import numpy as np
import pyarrow as pa
import pytest

from galspec_core.catalogs.select import KEPT, SelectConfig, select
from galspec_core.catalogs.unmatched import COLUMNS, explain_unmatched
from galspec_core.catalogs.user_table import read_user_table
from galspec_core.errors import CatalogError
from tests.catalogs.conftest import specobjid

CUTS = SelectConfig.from_config({"class": ["GALAXY"], "zwarning": 0, "z": [0.0, 0.69]})
CSV = """# my rings
plate,mjd,fiberid,ra,dec,kind,label
9001,57000,1,,,ring,keep
9001,57000,99,10.0003,5.0,ring,keep
9001,57000,3,,,ring,keep
,,,11.0,5.0002,ring,keep
,,,200.0,-5.0,ring,keep
,,,,,ring,drop
,,,12.0,5.0,ring,drop
"""


@pytest.fixture
def specobj():
    """Give a catalogue of six spectra at ra 10, 11 … 15: the third has a ZWARNING, the second is a star."""
    fibres = np.arange(1, 7)
    plate, mjd = np.full(6, 9001), np.full(6, 57000)
    columns = {"specobjid": specobjid(plate, mjd, fibres), "ra": 9.0 + fibres, "dec": np.full(6, 5.0)}
    columns |= {name: values.astype("i4") for name, values in (("plate", plate), ("mjd", mjd), ("fiberid", fibres))}
    columns |= {"class": ["GALAXY", "STAR", *["GALAXY"] * 4], "zwarning": np.array([0, 0, 4, 0, 0, 0], "i4")}
    columns |= {
        "z": np.full(6, 0.1),
        "z_source": ["Z"] * 6,
        "snr": np.full(6, 9.0),
        "run2d": ["v5"] * 6,
        "instrument": ["BOSS"] * 6,
    }
    return pa.table(columns)


def explained(specobj, path, only=None):
    """Return the unmatched rows by number."""
    table = read_user_table(path, None, only)
    return explain_unmatched(table, select(specobj, CUTS)[0], specobj, CUTS).set_index("row")


@pytest.fixture
def rings(tmp_path):
    path = tmp_path / "rings.csv"
    path.write_text(CSV)
    return path


def test_every_row_is_a_target_or_has_its_reason(specobj, rings):
    lost = explained(specobj, rings)
    assert lost.index.tolist() == [2, 3, 4, 5, 6, 7]
    assert lost["reason"].tolist() == [
        "no spectrum of this name in the survey's catalogue",
        "left out: ZWARNING is not 0",
        "left out: CLASS is not GALAXY",
        "no spectrum of the survey within 2 arcsec",
        "names no spectrum: neither specobjid, nor plate, mjd and fiberid, nor ra and dec",
        "left out: ZWARNING is not 0",
    ]


def test_the_nearest_spectrum_is_one_that_can_serve_with_its_separation(specobj, rings):
    lost = explained(specobj, rings)
    assert lost.loc[2, ["nearest_plate", "nearest_mjd", "nearest_fiberid"]].tolist() == [9001, 57000, 1]
    assert lost.loc[2, "separation_arcsec"] == pytest.approx(0.0003 * 3600 * np.cos(np.deg2rad(5)), abs=0.01)
    assert lost.loc[3, "nearest_specobjid"] in specobj["specobjid"].to_pylist()[3:4]
    assert lost.loc[3, "separation_arcsec"] == pytest.approx(3600 * np.cos(np.deg2rad(5)), rel=1e-3)
    assert np.isnan(lost.loc[6, "separation_arcsec"])
    assert lost.loc[6, "nearest_specobjid"] is np.nan or lost["nearest_specobjid"].isna()[6]


def test_a_row_says_what_it_calls_itself(specobj, rings):
    lost = explained(specobj, rings)
    assert lost.loc[2, "given"] == "plate 9001, mjd 57000, fiberid 99, ra 10.00030, dec 5.00000"
    assert lost.loc[6, "given"] == "nothing"


def test_identifiers_stay_whole_in_the_file(specobj, rings, tmp_path):
    """Plate 9001 has identifiers beyond 2**63, which a column with blanks must not turn into floats."""
    lost = explained(specobj, rings).reset_index()
    assert list(lost.columns) == COLUMNS
    lost.to_csv(tmp_path / "unmatched.csv", index=False)
    assert f",{specobj['specobjid'][0].as_py()},9001,57000,1,1.08" in (tmp_path / "unmatched.csv").read_text()


def test_only_the_rows_that_count_are_read(specobj, rings):
    assert explained(specobj, rings, {"label": ["keep"]}).index.tolist() == [2, 3, 4, 5]
    assert read_user_table(rings, None, {"LABEL": ["drop"], "kind": ["ring", "shell"]}).num_rows == 2


def test_a_column_that_is_not_there_and_words_that_no_row_has_are_errors(rings):
    with pytest.raises(CatalogError, match="lacks the column mark"):
        read_user_table(rings, None, {"mark": ["keep"]})
    with pytest.raises(CatalogError, match="has no rows with"):
        read_user_table(rings, None, {"label": ["kept"]})


def test_a_table_that_matches_whole_leaves_an_empty_list(specobj, tmp_path):
    (tmp_path / "one.csv").write_text("ra,dec\n10,5\n")
    assert len(explained(specobj, tmp_path / "one.csv")) == 0
    assert set(KEPT) <= set(specobj.column_names)
