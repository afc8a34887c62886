"""Tables from outside: what they hold is data, and no more of it than fits."""

import gzip
import random
from contextlib import suppress

import numpy as np
import pytest
from astropy.io import fits

from galspec_core.catalogs import user_table
from galspec_core.catalogs.fits_rows import MAX_HEADER, iterate_columns, open_fits_table
from galspec_core.catalogs.user_table import read_user_table
from galspec_core.errors import CatalogError

VOTABLE = """<?xml version="1.0"?>{before}
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="ra" datatype="double"/><FIELD name="dec" datatype="double"/><DATA>{data}</DATA>
</TABLE></RESOURCE></VOTABLE>"""
ROW = "<TABLEDATA><TR><TD>{ra}</TD><TD>2.0</TD></TR></TABLEDATA>"
LAUGHS = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
STREAM = '<STREAM href="file://{secret}"/>'
LINKED = {
    "another file of this machine": ("", f"<BINARY>{STREAM}</BINARY>"),
    "another file as FITS": ("", f'<FITS extnum="1">{STREAM}</FITS>'),
    "another file as Parquet": ("", f'<PARQUET type="VOTable-remote-file">{STREAM}</PARQUET>'),
    "a stream behind a prefix": (
        "",
        f"<BINARY>{STREAM}</BINARY>".replace("STREAM", "v:STREAM").replace("/>", ' xmlns:v="x"/>'),
    ),
    "a stream hidden in an entity": (f"<!DOCTYPE x [<!ENTITY s '{STREAM}'>]>", "<BINARY>&s;</BINARY>"),
    "a file as an entity": ('<!DOCTYPE x [<!ENTITY s SYSTEM "file://{secret}">]>', ROW.format(ra="&s;")),
    "a billion laughs": (f'<!DOCTYPE x [<!ENTITY a "haha">{LAUGHS}]>', ROW.format(ra="&j;")),
}


@pytest.mark.parametrize("name", LINKED)
def test_a_votable_that_draws_on_something_outside_it_is_refused(tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(160))
    before, data = (text.replace("{secret}", str(secret)) for text in LINKED[name])
    (tmp_path / "table").write_text(VOTABLE.format(before=before, data=data))
    with pytest.raises(CatalogError, match=r"outside the file|not well-formed"):
        read_user_table(tmp_path / "table")


def test_a_votable_with_its_data_inside_is_read(tmp_path):
    doctype = '<!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">'  # of version 1.0; nothing is fetched
    for before in ("", doctype):
        (tmp_path / "table").write_text(VOTABLE.format(before=before, data=ROW.format(ra="1.5")))
        table = read_user_table(tmp_path / "table")
        assert (table["ra"].to_pylist(), table["dec"].to_pylist()) == ([1.5], [2.0])


@pytest.mark.parametrize("kind", ["csv", "votable", "fits"])
def test_a_table_that_unpacks_to_more_than_fits_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(user_table, "MAX_BYTES", 1_000_000)
    if kind == "fits":
        write_fits(tmp_path / "table", rows=60_000)
        content = (tmp_path / "table").read_bytes()
    else:
        content = b"ra,dec\n" if kind == "csv" else b"<VOTABLE>"
        content += b" " * 2_000_000
    (tmp_path / "table").write_bytes(gzip.compress(content))
    assert (tmp_path / "table").stat().st_size < 500_000
    with pytest.raises(CatalogError, match="too large for a table of targets"):
        read_user_table(tmp_path / "table")


def test_a_zipped_table_that_is_cut_short_or_broken_says_so(tmp_path):
    content = gzip.compress(b"ra,dec\n" + np.random.default_rng(1).bytes(5000).hex().encode())
    for bad in (content[:-100], content[:2000] + b"xxxx" + content[2004:]):
        (tmp_path / "table").write_bytes(bad)
        with pytest.raises(CatalogError, match="cannot be read"):
            read_user_table(tmp_path / "table")


def write_fits(path, rows=20):
    columns = [
        fits.Column("PLATE", "J", array=np.arange(rows)),
        fits.Column("SPECOBJID", "22A", array=np.arange(rows).astype(str)),
        fits.Column("U", "K", bzero=2**63, array=np.arange(rows, dtype="u8")),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(path)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_header_without_an_end_is_not_read_for_ever(tmp_path, zipped):
    content = b"SIMPLE  =                    T".ljust(80) + b" " * 3 * MAX_HEADER
    (tmp_path / "table").write_bytes(gzip.compress(content, 1) if zipped else content)
    with pytest.raises(CatalogError, match="header without an end"):
        open_fits_table(tmp_path / "table")


LENGTHS = {"none": {"J": "0J", "22A": "0A", "K": "0K"}, "beyond memory": {"K": "9999999K"}}


@pytest.mark.parametrize("name", LENGTHS)
def test_a_row_of_no_length_or_beyond_memory_is_refused(tmp_path, name):
    write_fits(tmp_path / "table")
    content = (tmp_path / "table").read_bytes()
    for old, new in LENGTHS[name].items():
        content = content.replace(f"'{old:8s}'".encode(), f"'{new:8s}'".encode())
    (tmp_path / "table").write_bytes(content)
    with pytest.raises(CatalogError, match=r"rows that cannot be|damaged header"):
        open_fits_table(tmp_path / "table")


@pytest.mark.parametrize("seed", range(40))
def test_a_table_with_wrong_bytes_is_read_or_refused_and_nothing_else(tmp_path, seed):
    write_fits(tmp_path / "table")
    rng, content = random.Random(seed), bytearray((tmp_path / "table").read_bytes())
    for _ in range(rng.choice([1, 3, 10])):
        content[rng.randrange(3 * 2880)] = rng.choice(b"9 -'=\0\xff" + bytes([rng.randrange(256)]))
    (tmp_path / "table").write_bytes(content)
    with suppress(CatalogError):
        table = open_fits_table(tmp_path / "table")
        rows = sum(len(next(iter(values.values()), ())) for _, values in iterate_columns(table, list(table.columns)))
        assert rows == (max(table.rows, 0) if table.columns else 0)
