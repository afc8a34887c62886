"""Cuts: each row is kept or counted once, at the first cut that it fails."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from galspec_core.catalogs.select import KEPT, SelectConfig, select
from galspec_core.catalogs.tables import read_catalog
from galspec_core.errors import CatalogError, ConfigError

SECTION = {
    "class": ["GALAXY"],
    "zwarning": 0,
    "platequality": ["good", "marginal"],
    "exclude_run2d": ["103", "104"],
    "z": [0.0, 0.69],
    "snr": [2.0, None],
    "min_good_share": 0.5,
}
CONFIG = SelectConfig.from_config(SECTION)


@pytest.fixture
def specobj(make, tmp_path):
    """Return a catalogue of 12 rows, of which rows 0 to 3 pass and each of the others fails one cut first."""
    rows = make["specobj"](12)
    rows["CLASS"][4] = "QSO"
    rows["ZWARNING"][[4, 5]] = 4  # row 4 fails twice and counts once
    rows["PLATEQUALITY"] = np.array(["good"] * 3 + ["marginal"] * 3 + ["bad"] + ["good"] * 5)
    rows["RUN2D"][7] = "104"
    rows["Z"][8] = 0.8
    rows["SN_MEDIAN_ALL"][9] = 1.0
    rows |= {"WCOVERAGE": np.full(12, 0.37), "WAVEMIN": np.full(12, 3800.0), "WAVEMAX": np.full(12, 3800 * 10**0.38)}
    rows["WCOVERAGE"][10] = 0.1
    rows["WAVEMIN"][2] = 0.0  # share of good pixels unknown: kept
    rows["PLUG_RA"][11] = np.nan
    out = tmp_path / "specobj.parquet"
    read_catalog("specobj", make["fits"](tmp_path / "specobj.fits", rows), out)
    return out


def test_each_row_fails_at_its_first_cut(specobj):
    selected, drops = select(specobj, CONFIG)
    assert selected.num_rows == 4
    assert selected.column_names == KEPT
    assert drops["n"].tolist() == [0, *[1] * 8]
    assert drops["n"].sum() + selected.num_rows == pq.read_metadata(specobj).num_rows
    assert drops["reason"].tolist()[1:4] == [
        "CLASS is not GALAXY",
        "ZWARNING is not 0",
        "PLATEQUALITY is not good or marginal",
    ]


def test_another_order_of_cuts_keeps_the_same_rows(specobj):
    selected, drops = select(specobj, CONFIG)
    again, counted = select(specobj, SelectConfig.from_config(dict(reversed(SECTION.items()))))
    assert again.equals(selected)
    assert counted["n"].sum() == drops["n"].sum()
    assert counted.set_index("reason")["n"]["ZWARNING is not 0"] == 2  # now counted before CLASS


def test_a_null_cut_is_left_out(specobj):
    selected, _ = select(specobj, SelectConfig.from_config(SECTION | {"snr": None}))
    assert selected.num_rows == 5


def test_slices_change_nothing(specobj, monkeypatch):
    whole, drops = select(specobj, CONFIG)
    monkeypatch.setattr("galspec_core.catalogs.select.BATCH_ROWS", 5)
    parts, counted = select(specobj, CONFIG)
    assert parts.equals(whole)
    assert counted.equals(drops)
    assert select(pq.read_table(specobj), CONFIG)[0].equals(whole)


def test_ids_and_repeats_of_a_galaxy_are_kept(make, tmp_path):
    rows = make["specobj"](6)
    rows["PLUG_RA"][:], rows["PLUG_DEC"][:] = 10.0, 20.0
    out = tmp_path / "s.parquet"
    read_catalog("specobj", make["fits"](tmp_path / "s.fits", rows), out)
    selected, _ = select(out, CONFIG)
    assert selected.schema.field("specobjid").type == pa.uint64()
    np.testing.assert_array_equal(selected["specobjid"].to_numpy(), rows["SPECOBJID"].astype("u8"))


def test_nothing_left_says_what_took_it(specobj):
    with pytest.raises(CatalogError, match="CLASS is not STAR"):
        select(specobj, SelectConfig.from_config({"class": ["STAR"]}))


def test_a_misspelt_cut_is_named():
    with pytest.raises(ConfigError, match="zwarn'"):
        SelectConfig.from_config({"zwarn": 0})


def test_real_survey_loses_its_warned_and_stellar_spectra(sdss_sample, tmp_path):
    path = sdss_sample / "dr16/sdss/spectro/redux/specObj-dr16.fits"
    read_catalog("specobj", path, tmp_path / "s.parquet")
    selected, drops = select(tmp_path / "s.parquet", CONFIG)
    assert drops["n"].sum() + selected.num_rows == 641
    raw = Table.read(path)
    run2d = np.char.strip(np.array(raw["RUN2D"]).astype(str))
    stellar = np.isin(run2d, ["103", "104"])
    assert ((raw["ZWARNING"] != 0) | stellar).sum() == 47
    fits_better = np.char.startswith(run2d, "v") & (raw["Z_NOQSO"] > 0)
    warned = np.where(fits_better, raw["ZWARNING_NOQSO"], raw["ZWARNING"]) != 0
    cuts = SelectConfig.from_config({"zwarning": 0, "exclude_run2d": ["103", "104"]})
    assert select(tmp_path / "s.parquet", cuts)[1]["n"].tolist() == [0, warned.sum(), (stellar & ~warned).sum(), 0]
