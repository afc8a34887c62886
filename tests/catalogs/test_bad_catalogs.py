"""Spoilt catalogues: each is refused by name with what is wrong, or its rows are cut and counted."""

import gzip
from io import BytesIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.io.votable import writeto
from astropy.table import MaskedColumn, Table

from galspec_core.catalogs.quantities import Quantity, read_quantity
from galspec_core.catalogs.select import SelectConfig, select
from galspec_core.catalogs.tables import read_catalog, read_counts
from galspec_core.catalogs.user_table import read_user_table
from galspec_core.errors import CatalogError
from tests.catalogs.conftest import specobj_rows

N = 40
ROWS = specobj_rows(N)


def table(rows):
    """Return the bytes of a FITS file whose first extension holds ``rows``."""
    out = BytesIO()
    Table(rows).write(out, format="fits")
    return out.getvalue()


def changed(**columns):
    """Return specObj with some columns changed, those that are None left out."""
    return table({key: value for key, value in (ROWS | columns).items() if value is not None})


def with_value(name, row, value, kind=None):
    """Return specObj with one value changed."""
    values = np.array(ROWS[name]).astype(kind or ROWS[name].dtype)
    values[row] = value
    return changed(**{name: values})


def image():
    out = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((4, 4)))]).writeto(out)
    return out.getvalue()


def behind_another():
    """Return a file whose first table is another one."""
    out, own = BytesIO(), fits.BinTableHDU(Table(ROWS).as_array())
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(Table({"NOTE": ["x"]}).as_array()), own]).writeto(out)
    return out.getvalue()


def set_card(content, key, text):
    """Return the file with a card of the first extension overwritten."""
    at = content.index(f"{key:8}=".encode(), 2880)
    return content[:at] + f"{key:8}= {text:>20}".encode().ljust(80) + content[at + 80 :]


GOOD = table(ROWS)
DATA = GOOD.index(b"END" + b" " * 77, 2880) // 2880 * 2880 + 2880  # first byte of the rows
BAD_SPECOBJ = [  # name, bytes, words of the message
    ("empty file", b"", ["FITS"]),
    ("text", b"SPECOBJID,PLATE\n1,2\n", ["FITS"]),
    ("a web page", b"<html>Sorry</html>", ["FITS"]),
    ("only a header", GOOD[:2880], ["no whole binary table"]),
    ("cut within the header", GOOD[: 2880 + 800], ["no whole binary table"]),
    ("cut behind the header", GOOD[:DATA], ["ends before its last row", f"{N} rows"]),
    ("cut within a row", GOOD[:-4000], ["ends before its last row"]),
    ("gzip cut short", gzip.compress(GOOD)[:-300], ["no whole binary table"]),
    ("gzip of nothing", gzip.compress(b""), ["FITS"]),
    ("an image", image(), ["no whole binary table"]),
    ("another table first", behind_another(), ["lacks the columns", "SPECOBJID", "NOTE"]),
    ("no rows", table({key: value[:0] for key, value in ROWS.items()}), ["no rows"]),
    ("10^12 rows", set_card(GOOD, "NAXIS2", "1000000000000"), ["cannot be read as FITS"]),
    ("-1 rows", set_card(GOOD, "NAXIS2", "-1"), ["specobj.fits"]),
    ("rows of another length", set_card(GOOD, "NAXIS1", "77"), ["specobj.fits"]),
    ("a column of no kind", set_card(GOOD, "TFORM3", "'Z'"), ["FITS"]),
    ("a column too few", set_card(GOOD, "TFIELDS", "3"), ["damaged header"]),
    ("no CLASS", changed(CLASS=None), ["lacks the columns CLASS"]),
    ("no identifier", changed(SPECOBJID=None), ["lacks the columns SPECOBJID"]),
    ("no S/N", changed(SN_MEDIAN_ALL=None), ["SN_MEDIAN_ALL"]),
    ("float identifiers", changed(SPECOBJID=ROWS["SPECOBJID"].astype("u8").astype("f8")), ["float"]),
    ("a blank identifier", with_value("SPECOBJID", 3, b""), ["row 3", "not a specobjid"]),
    ("an identifier in words", with_value("SPECOBJID", 3, b"galaxy"), ["row 3", "galaxy"]),
    ("an identifier beyond 2^64", with_value("SPECOBJID", 3, str(2**64).encode()), ["row 3", str(2**64)]),
    ("an identifier of odd bytes", with_value("SPECOBJID", 3, b"\xff\xfe1"), ["row 3", "not a specobjid"]),
    ("plates in words", changed(PLATE=["9001"] * N), ["plate", "numbers"]),
    ("redshifts in words", changed(Z=["0.1"] * N), ["column z", "numbers"]),
    ("classes in numbers", changed(CLASS=np.ones(N)), ["column class", "words"]),
    ("two redshifts a row", changed(Z=np.ones((N, 2))), ["column z", "shape (2,)"]),
    ("a plate NaN", with_value("PLATE", 5, np.nan, "f8"), ["row 5", "plate", "nan"]),
    ("half a plate", with_value("PLATE", 5, 9001.5, "f8"), ["row 5", "plate", "9001.5"]),
    ("a plate beyond 32 bits", with_value("PLATE", 5, 2**40, "i8"), ["row 5", "plate"]),
    ("a warning NaN", with_value("ZWARNING", 5, np.nan, "f8"), ["row 5", "zwarning"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in BAD_SPECOBJ], ids=[row[0] for row in BAD_SPECOBJ])
def test_a_spoilt_specobj_is_refused_by_name(tmp_path, content, words):
    (tmp_path / "specobj.fits").write_bytes(content)
    with pytest.raises(CatalogError) as caught:
        read_catalog("specobj", tmp_path / "specobj.fits", tmp_path / "out.parquet")
    assert [word for word in ["specobj.fits", *words] if word not in str(caught.value)] == [], str(caught.value)
    assert not (tmp_path / "out.parquet").exists()


CUT_ROWS = [  # name, specObj's column, value of row 0, the reason that counts it
    ("a star", "CLASS", "STAR", "CLASS is not GALAXY"),
    ("a class that SDSS lacks", "CLASS", "SKY", "CLASS is not GALAXY"),
    ("a sky fibre, bit 0 of ZWARNING", "ZWARNING", 1, "ZWARNING is not 0"),
    ("z NaN", "Z", np.nan, "redshift outside 0.0 to 0.69"),
    ("z negative", "Z", -0.01, "redshift outside 0.0 to 0.69"),
    ("z = 0.75", "Z", 0.75, "redshift outside 0.0 to 0.69"),
    ("z = 7", "Z", 7, "redshift outside 0.0 to 0.69"),
    ("z in km/s", "Z", 30000, "redshift outside 0.0 to 0.69"),
    ("S/N NaN", "SN_MEDIAN_ALL", np.nan, "S/N below 2.0"),
    ("ra NaN", "PLUG_RA", np.nan, "no sky position"),
    ("dec of 95 degrees", "PLUG_DEC", 95.0, "no sky position"),
    ("ra in arcsec", "PLUG_RA", 648000.0, "no sky position"),
    ("a class of odd bytes", "CLASS", b"\xffGALAX", "CLASS is not GALAXY"),
]
CUTS = SelectConfig.from_config({"class": ["GALAXY"], "zwarning": 0, "z": [0.0, 0.69], "snr": [2.0, None]})


@pytest.mark.parametrize(("column", "value", "reason"), [row[1:] for row in CUT_ROWS], ids=[row[0] for row in CUT_ROWS])
def test_a_row_that_cannot_be_used_is_cut_and_counted(tmp_path, column, value, reason):
    kind = "S8" if column == "CLASS" else None
    (tmp_path / "specobj.fits").write_bytes(with_value(column, 0, value, kind))
    read_catalog("specobj", tmp_path / "specobj.fits", tmp_path / "out.parquet")
    selected, drops = select(tmp_path / "out.parquet", CUTS)
    assert selected.num_rows == N - 1
    assert drops.loc[drops["n"] > 0, ["reason", "n"]].to_numpy().tolist() == [[reason, 1]]


def test_padded_words_repeats_and_large_identifiers_come_out_right(tmp_path):
    rows = {key: np.concatenate([value, value[:2]]) for key, value in ROWS.items()}
    rows["CLASS"] = np.array(["  GALAXY  "] * (N + 2))
    (tmp_path / "specobj.fits").write_bytes(table(rows))
    assert read_catalog("specobj", tmp_path / "specobj.fits", tmp_path / "out.parquet") == N
    assert read_counts(tmp_path / "out.parquet") == {"repeated specobjid": 2}
    selected, _ = select(tmp_path / "out.parquet", CUTS)
    assert selected["specobjid"].to_pylist() == ROWS["SPECOBJID"].astype("u8").tolist()
    assert min(selected["specobjid"].to_pylist()) > 2**63


FIBRE = {"PLATE": [9001], "MJD": [57001], "FIBERID": [1]}
BAD_OTHERS = [  # catalogue, rows, words of the message
    ("galspecextra", FIBRE, ["BPTCLASS"]),
    ("galspecextra", FIBRE | {"BPTCLASS": ["SF"]}, ["column bptclass", "numbers"]),
    ("galspecextra", FIBRE | {"BPTCLASS": [np.nan]}, ["row 0", "bptclass"]),
    ("portsmouth_boss", FIBRE | {"Z": [0.1], "BPT": ["SF"]}, ["lacks the columns FLUX"]),
    ("portsmouth_boss", FIBRE | {"Z": [0.1], "BPT": ["SF"], "FLUX": np.ones((1, 5))}, ["FLUX", "28 lines", "(5,)"]),
    ("portsmouth_boss", FIBRE | {"Z": [0.1], "BPT": ["SF"], "FLUX": [1.0]}, ["FLUX", "28 lines"]),
    ("portsmouth_boss", FIBRE | {"Z": [0.1], "BPT": [4], "FLUX": np.ones((1, 28))}, ["column bpt", "words"]),
    ("silo", FIBRE, ["TOTAL_GRADE"]),
    ("silo", FIBRE | {"TOTAL_GRADE": [1.0]}, ["column grade", "words"]),
    ("silo", FIBRE | {"TOTAL_GRADE": ["A"], "RA": ["01:02:03"]}, ["column ra", "numbers"]),
]


@pytest.mark.parametrize(("name", "rows", "words"), BAD_OTHERS, ids=[f"{n} {' '.join(w)}" for n, _, w in BAD_OTHERS])
def test_other_catalogues_name_the_column_that_is_wrong(tmp_path, name, rows, words):
    (tmp_path / "c.fits").write_bytes(table(rows))
    with pytest.raises(CatalogError) as caught:
        read_catalog(name, tmp_path / "c.fits", tmp_path / "out.parquet")
    assert [word for word in ["c.fits", *words] if word not in str(caught.value)] == [], str(caught.value)


VOTABLE = b'<?xml version="1.0"?>\n<VOTABLE version="1.3"><RESOURCE><TABLE><FIELD name="ra" datatype="double"'
BAD_TABLES = [  # name, bytes of a user's table, words of the message
    ("nothing", b"", ["empty"]),
    ("white space", b" \n\n", ["empty"]),
    ("only comments", b"# ra,dec\n", ["cannot be read as CSV"]),
    ("latin-1", "ra,dec,name\n1,2,é\n".encode("latin-1"), ["cannot be read as CSV"]),
    ("binary", b"PK\x03\x04\x00\x00", ["binary"]),
    ("Parquet", b"PAR1\x15\x04\x15\x00", ["binary"]),
    ("gzip cut short", gzip.compress(b"ra,dec\n" + b"1,2\n" * 900)[:-9], ["cannot be read"]),
    ("a VOTable cut short", VOTABLE, ["VOTable"]),
    ("rows longer than the header", b"plate,mjd,fiberid\n1,2,3,4\n", ["cannot be read as CSV"]),
    ("one row longer than the others", b"plate,mjd,fiberid\n1,2,3\n1,2,3,4\n", ["cannot be read as CSV"]),
    ("a header alone", b"ra,dec\n", ["no rows"]),
    ("half an identifier", b"plate,fiberid\n1,2\n", ["names no spectrum"]),
    ("sexagesimal", b"ra,dec\n01:02:03,+04:05:06\n", ["bad ra", "row 0", "degrees"]),
    ("dec beyond the pole", b"ra,dec\n10,95\n", ["bad dec", "row 0", "-90 to 90"]),
    ("ra in arcsec", b"ra,dec\n648000,5\n", ["bad ra", "row 0", "360"]),
    ("ra infinite", b"ra,dec\ninf,5\n", ["bad ra", "row 0"]),
    ("half a fibre", b"plate,mjd,fiberid\n1,2,3\n1,2,3.5\n", ["bad fiberid", "row 1", "3.5"]),
    ("a fibre in words", b"plate,mjd,fiberid\n1,2,x\n", ["bad fiberid", "row 0", "'x'"]),
    ("a plate beyond 32 bits", b"plate,mjd,fiberid\n5000000000,2,3\n", ["bad plate", "row 0"]),
    ("a plate infinite", b"plate,mjd,fiberid\ninf,2,3\n", ["bad plate", "row 0"]),
    ("an identifier as a float", b"specobjid\n1.5e18\n", ["row 0", "1.5e18"]),
    ("an identifier beyond 2^64", f"specobjid\n5\n{2**64}\n".encode(), ["row 1", str(2**64)]),
    ("FITS with two positions a row", table({"ra": np.ones((2, 2)), "dec": np.ones(2)}), ["ra", "several values"]),
    ("FITS without rows", table({"ra": np.ones(0), "dec": np.ones(0)}), ["no rows"]),
]


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in BAD_TABLES], ids=[row[0] for row in BAD_TABLES])
def test_a_spoilt_table_of_targets_is_refused_by_name(tmp_path, content, words):
    (tmp_path / "targets").write_bytes(content)
    with pytest.raises(CatalogError) as caught:
        read_user_table(tmp_path / "targets")
    assert [word for word in ["targets", *words] if word not in str(caught.value)] == [], str(caught.value)


def test_masked_and_padded_values_are_unknown_and_never_numbers(tmp_path):
    mask = [False, True]
    made = Table({
        "plate": MaskedColumn([9001, 5], mask=mask), "mjd": MaskedColumn([57001, 5], mask=mask),
        "fiberid": MaskedColumn([1, 5], mask=mask), "ra": MaskedColumn([1.0, 5.0], mask=mask), "dec": [2.0, 3.0],
        "subtype": ["  Lens  ", ""],
    })  # fmt: skip
    writeto(made, str(tmp_path / "t.vot"))
    (tmp_path / "t.csv").write_text("plate, mjd,fiberid ,ra,dec,subtype\n9001,57001, 1,1.0,2.0,  Lens  \n,,--,,3.0,\n")
    for name in ("t.vot", "t.csv"):
        found = read_user_table(tmp_path / name).to_pandas()
        assert found[["plate", "mjd", "fiberid"]].to_numpy().tolist() == [[9001, 57001, 1], [-1, -1, -1]]
        assert found["ra"].isna().tolist() == mask
        assert found["subtype"].tolist() == ["Lens", ""]


QUANTITY = Quantity("VDISP", "log10", 70, 420, 0.3, "dex")
MANIFEST = pd.DataFrame({"specobjid": np.array([7], "u8"), "plate": [9001], "mjd": [57001], "fiberid": [1]})
BAD_QUANTITIES = [  # name of the file, bytes, words of the message
    ("q.csv", b"", ["cannot be read as a table"]),
    ("q.csv", b"specobjid,VDISP\n7,fast\n", ["VDISP", "a number a row"]),
    ("q.csv", b"VDISP\n100\n", ["nothing to match by"]),
    ("q.csv", b"specobjid,VDISP\n7.5,100\n", ["not a specobjid", "7.5"]),
    ("q.csv", b"plate,mjd,fiberid,VDISP\n9001,x,1,100\n", ["mjd", "numbers"]),
    ("q.parquet", b"PAR1 and no more", ["cannot be read as a table"]),
    ("q.fits", b"SIMPLE  = and no more", ["FITS"]),
    ("q.fits", table(FIBRE | {"VDISP": np.ones((1, 2))}), ["VDISP", "a number a row", "(2,)"]),
]


@pytest.mark.parametrize(
    ("name", "content", "words"), BAD_QUANTITIES, ids=[f"{r[0]} {r[2][0]}" for r in BAD_QUANTITIES]
)
def test_a_spoilt_quantity_is_refused_by_name(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CatalogError) as caught:
        read_quantity(QUANTITY, [tmp_path / name], MANIFEST)
    assert [word for word in [name, *words] if word not in str(caught.value)] == [], str(caught.value)


def test_no_spectrum_left_says_which_cuts_took_them():
    columns = {key: pa.array([value]) for key, value in dict(z=15000.0, ra=1.0, dec=1.0).items()}
    rest = {key: pa.array(["GALAXY"]) for key in ("class", "run2d", "instrument", "z_source")}
    others = {key: pa.array([1]) for key in ("specobjid", "plate", "mjd", "fiberid", "snr")}
    with pytest.raises(CatalogError, match=r"no spectrum passes the cuts.*1 redshift outside 0\.0 to 0\.69"):
        select(pa.table(columns | rest | others), SelectConfig.from_config({"z": [0.0, 0.69]}))


@pytest.mark.parametrize("spoil", ["cut", "other"])
def test_real_catalogues_are_refused_too(sdss_sample, tmp_path, spoil):
    real = sdss_sample / "dr16/sdss/spectro/redux/specObj-dr16.fits"
    spectrum = next(sdss_sample.glob("dr16/sdss/spectro/redux/*/spectra/lite/*/spec-*.fits"))
    content = real.read_bytes()[:-5000] if spoil == "cut" else spectrum.read_bytes()
    (tmp_path / "specobj.fits").write_bytes(content)
    words = "ends before its last row" if spoil == "cut" else "lacks the columns"
    with pytest.raises(CatalogError, match=words):
        read_catalog("specobj", tmp_path / "specobj.fits", tmp_path / "out.parquet")
