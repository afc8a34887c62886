"""Reading catalogues: identifiers, redshifts, missing columns, formats, slices."""

import gzip

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import writeto
from astropy.table import Table

from galspec_core.catalogs.fits_rows import iterate_columns, open_fits_table
from galspec_core.catalogs.ids import fibre_key, look_up, parse_specobjid
from galspec_core.catalogs.layouts import good_share
from galspec_core.catalogs.tables import read_catalog, read_counts
from galspec_core.catalogs.user_table import read_user_table, sniff
from galspec_core.errors import CatalogError, ConfigError

EMPTY_VOTABLE = '<VOTABLE version="1.3"><RESOURCE><INFO name="QUERY_STATUS" value="ERROR"/></RESOURCE></VOTABLE>'
SPECOBJ = "dr16/sdss/spectro/redux/specObj-dr16.fits"


def read(make, tmp_path, rows, name="specobj"):
    out = tmp_path / f"{name}.parquet"
    read_catalog(name, make["fits"](tmp_path / f"{name}.fits", rows), out)
    return pq.read_table(out).to_pandas()


def test_ids_survive_above_2_63_from_every_form():
    ids = np.array([1, 2**53 + 1, 2**63 - 1, 2**63 + 12345, 2**64 - 2], dtype="u8")
    forms = [ids, ids.view("i8"), ids.astype("S22"), ids.astype("U22"), np.array([f" {i} " for i in ids], dtype=object)]
    for form in forms:
        np.testing.assert_array_equal(parse_specobjid(form, "test"), ids)


@pytest.mark.parametrize("bad", ["1e19", "-5", "abc", str(2**64), "1.0", ""])
def test_bad_id_is_named_by_row(bad):
    with pytest.raises(CatalogError, match="row 101"):
        parse_specobjid(np.array(["17", bad]), "specobj", first_row=100)


def test_float_ids_are_refused():
    with pytest.raises(CatalogError, match="float"):
        parse_specobjid(np.array([1e18]), "specobj")


def test_look_up_is_exact_and_takes_the_first():
    known = np.array([5, 2**63 + 1, 5, 0], dtype="u8")
    assert look_up(np.array([2**63 + 1, 5, 2**63, 0], dtype="u8"), known).tolist() == [1, 0, -1, -1]
    assert look_up(known, np.empty(0, "u8")).tolist() == [-1] * 4


def test_fibre_keys_differ_and_unknown_fibres_have_none():
    key = fibre_key([266, 266, 267, -1], [51630, 51631, 51630, 51630], [1, 1, 1, 1])
    assert len(set(key.tolist())) == 4
    assert key[-1] == 0


def test_specobj_keeps_ids_and_values(make, tmp_path):
    rows = make["specobj"](50)
    frame = read(make, tmp_path, rows)
    assert frame["specobjid"].dtype == np.uint64
    np.testing.assert_array_equal(frame["specobjid"], rows["SPECOBJID"].astype("u8"))
    assert (frame["specobjid"] > np.uint64(2**63)).all()
    np.testing.assert_array_equal(frame["ra"], rows["PLUG_RA"])
    assert set(frame["instrument"]) == {"BOSS"}
    assert set(frame["class"]) == {"GALAXY"}


def test_columns_are_found_in_either_case(make, tmp_path):
    rows = make["specobj"](5)
    upper = read(make, tmp_path, rows)
    lower = read(make, tmp_path, {key.lower(): value for key, value in rows.items()})
    pd.testing.assert_frame_equal(upper, lower)


def test_z_noqso_counts_only_for_boss_and_only_if_positive(make, tmp_path):
    rows = make["specobj"](
        4,
        RUN2D=np.array(["26", "v5_13_0", "v5_13_0", "103"]),
        Z=np.full(4, 0.5),
        Z_NOQSO=np.array([0.1, 0.1, 0.0, 0.1]),
        ZWARNING=np.array([1, 2, 3, 4]),
        ZWARNING_NOQSO=np.array([10, 20, 30, 40]),
    )
    frame = read(make, tmp_path, rows)
    assert frame["z"].tolist() == [0.5, 0.1, 0.5, 0.5]
    assert frame["zwarning"].tolist() == [1, 20, 3, 4]
    assert frame["z_source"].tolist() == ["Z", "Z_NOQSO", "Z", "Z"]
    assert frame["instrument"].tolist() == ["SDSS", "BOSS", "BOSS", "SDSS"]


def test_z_noqso_without_its_warning_is_an_error(make, tmp_path):
    with pytest.raises(CatalogError, match="ZWARNING_NOQSO"):
        read(make, tmp_path, make["specobj"](2, Z_NOQSO=np.ones(2)))


def test_missing_columns_are_all_listed_with_those_found(make, tmp_path):
    rows = {key: value for key, value in make["specobj"](2).items() if key not in ("CLASS", "PLUG_RA")}
    with pytest.raises(CatalogError) as caught:
        read(make, tmp_path, rows)
    assert "CLASS" in str(caught.value)
    assert "PLUG_RA" in str(caught.value)
    assert "ZWARNING" in caught.value.got


def test_repeated_ids_keep_the_first_and_are_counted(make, tmp_path):
    rows = {key: np.concatenate([value, value[:3]]) for key, value in make["specobj"](10).items()}
    rows["ZWARNING"][10:] = 7
    frame = read(make, tmp_path, rows)
    assert len(frame) == 10
    assert (frame["zwarning"] == 0).all()
    assert read_counts(tmp_path / "specobj.parquet") == {"repeated specobjid": 3}


def test_large_catalogue_is_written_in_slices_and_finds_repeats_across_them(make, tmp_path):
    rows = make["specobj"](200_000, plate=8192)
    rows["SPECOBJID"][150_000] = rows["SPECOBJID"][7]
    out = tmp_path / "out.parquet"
    assert read_catalog("specobj", make["fits"](tmp_path / "in.fits", rows), out) == 199_999
    metadata = pq.read_metadata(out)
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sizes == [100_000, 99_999]
    assert not list(tmp_path.glob(".*tmp"))


def test_streaming_reads_what_astropy_reads(tmp_path):
    columns = [
        fits.Column("U", "K", bzero=2**63, array=np.array([1, 2**63 + 5], "u8")),
        fits.Column("J", "J", bzero=2**31, array=np.array([1, 2**31 + 5], "u4")),
        fits.Column("F", "3E", array=np.arange(6, dtype="f4").reshape(2, 3)),
        fits.Column("S", "5A", array=np.array(["ab", "cde"])),
    ]
    path = tmp_path / "t.fits"
    fits.BinTableHDU.from_columns(columns).writeto(path)
    zipped = tmp_path / "t.fits.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    with fits.open(path) as hdus:
        expected = {name: np.array(hdus[1].data[name]) for name in "UJF"}
    for source in (path, zipped):
        table = open_fits_table(source)
        parts = [raw for _, raw in iterate_columns(table, ["U", "J", "F", "S"], rows=1)]
        for name, values in expected.items():
            np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), values)
        assert [part["S"][0] for part in parts] == [b"ab", b"cde"]


def test_a_file_cut_short_is_an_error(make, tmp_path):
    path = make["fits"](tmp_path / "specobj.fits", make["specobj"](500))
    path.write_bytes(path.read_bytes()[:-40_000])
    with pytest.raises(CatalogError, match="ends before its last row"):
        read_catalog("specobj", path, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("z", ["Z", "REDSHIFT"])
def test_portsmouth_takes_the_four_lines_and_strips_names(make, tmp_path, z):
    flux = np.tile(np.arange(28.0), (2, 1))
    rows = {
        "PLATE": [1, 2],
        "MJD": [51630, 51630],
        "FIBERID": [3, 4],
        z: [0.1, 0.2],
        "FLUX": flux,
        "FLUX_ERR": flux / 10,
    }
    frame = read(make, tmp_path, rows | {"BPT": ["Seyfert   ", "BLANK"]}, "portsmouth_legacy")
    assert frame.loc[0, ["hb", "oiii", "ha", "nii"]].tolist() == [15, 17, 24, 25]
    assert frame.loc[0, ["hb_err", "nii_err"]].tolist() == [1.5, 2.5]
    assert frame["bpt"].tolist() == ["Seyfert", "BLANK"]
    assert frame["z"].tolist() == [0.1, 0.2]


def test_good_share_is_wcoverage_over_the_range_or_unknown():
    got = good_share(
        [0.19, 0.38, 0.0, 5.0, 0.3], [3800, 3800, 3800, 3800, 0], np.array([3800, 3800, 3800, 3800, 9000]) * 10**0.38
    )
    np.testing.assert_allclose(got, [0.5, 1.0, np.nan, np.nan, np.nan], rtol=1e-6)


def user_tables(tmp_path):
    """The same three targets as CSV, FITS and VOTable, all under one extension."""
    table = Table(
        {"Plate": [9001, 9001, 9002], "MJD": [57000, 57000, 57001], "Fiber": [1, 2, 3], "Class": ["a", "b ", ""]}
    )
    paths = [tmp_path / f"{kind}.dat" for kind in ("csv", "fits", "votable")]
    table.write(paths[0], format="ascii.csv")
    table.write(paths[1], format="fits")
    writeto(table, str(paths[2]))
    return paths


def test_user_tables_are_told_apart_by_content(tmp_path):
    columns = {"plate": "plate", "mjd": "MJD", "fiberid": "Fiber", "subtype": "Class"}
    paths = user_tables(tmp_path)
    assert [sniff(path) for path in paths] == ["csv", "fits", "votable"]
    frames = [read_user_table(path, columns).to_pandas() for path in paths]
    for frame in frames:
        pd.testing.assert_frame_equal(frame, frames[0])
    assert frames[0]["fiberid"].tolist() == [1, 2, 3]
    assert frames[0]["subtype"].tolist() == ["a", "b", ""]
    assert (frames[0]["specobjid"] == 0).all()
    assert frames[0]["ra"].isna().all()


def test_user_ids_above_2_63_survive_csv(tmp_path):
    (tmp_path / "t.csv").write_text(f"SpecObjID;name\n{2**63 + 11};x\n{2**63 + 13};y\n")
    assert read_user_table(tmp_path / "t.csv")["specobjid"].to_pylist() == [2**63 + 11, 2**63 + 13]


@pytest.mark.parametrize(
    ("content", "columns", "error", "words"),
    [
        ("<html><body>Sorry</body></html>", None, CatalogError, "web page"),
        ("", None, CatalogError, "empty"),
        (EMPTY_VOTABLE, None, CatalogError, "without a table"),
        ("plate,mjd\n1,2\n", None, CatalogError, "names no spectrum"),
        ("ra,dec\n", None, CatalogError, "no rows"),
        ("ra,dec\n1,2\n3,x\n", None, CatalogError, "row 1"),
        ("plate,mjd,fiberid\n1,2,3.5\n", None, CatalogError, "whole number"),
        ("ra,dec\n1,2\n", {"ra": "RAJ2000", "dec": "dec"}, CatalogError, "RAJ2000"),
        ("ra,dec\n1,2\n", {"right": "ra"}, ConfigError, "right"),
    ],
)
def test_bad_user_tables_say_what_is_wrong(tmp_path, content, columns, error, words):
    (tmp_path / "t").write_text(content)
    with pytest.raises(error, match=words):
        read_user_table(tmp_path / "t", columns)


def test_absent_catalogue_names_its_key(tmp_path):
    with pytest.raises(CatalogError, match=r"catalogs\.files"):
        read_catalog("silo", tmp_path / "no.fits", tmp_path / "out.parquet")


def test_real_catalogues_load(sdss_sample, tmp_path):
    assert read_catalog("specobj", sdss_sample / SPECOBJ, tmp_path / "s.parquet") == 641
    ours, theirs = pq.read_table(tmp_path / "s.parquet").to_pandas(), Table.read(sdss_sample / SPECOBJ)
    assert ours["specobjid"].astype(str).tolist() == [str(v).strip() for v in theirs["SPECOBJID"]]
    run2d = np.char.strip(np.array(theirs["RUN2D"]).astype(str))
    assert int(((theirs["ZWARNING"] != 0) | np.isin(run2d, ["103", "104"])).sum()) == 47
    legacy = ours["run2d"].isin(["26", "103", "104"])
    assert (ours.loc[legacy, "z_source"] == "Z").all()
    assert (ours.loc[~legacy, "z_source"] == "Z_NOQSO").all()
    np.testing.assert_array_equal(ours.loc[legacy, "zwarning"], theirs["ZWARNING"][legacy])
    np.testing.assert_array_equal(ours.loc[~legacy, "zwarning"], theirs["ZWARNING_NOQSO"][~legacy])
    np.testing.assert_array_equal(ours["instrument"] == "SDSS", legacy)
    assert ours["good_share"].dropna().between(0.7, 1).all()
    assert ours["good_share"].isna().sum() <= 1
