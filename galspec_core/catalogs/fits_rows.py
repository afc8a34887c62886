"""Rows of a FITS table, a slice at a time: a catalogue of any size is read in bounded memory."""

import gzip
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from galspec_core.errors import CatalogError

SLICE_ROWS = 100_000
SLICE_BYTES = 1 << 26  # what one slice of raw rows may take
UNREADABLE = (OSError, EOFError, zlib.error)  # what a file, plain or gzipped, says when it is broken
DAMAGED = (
    *UNREADABLE,
    fits.VerifyError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)
WHOLE = "Fetch it again, or name a whole file: it is damaged or no table of FITS"
MAX_HEADER = 4_000_000  # bytes: 50,000 cards
BLOCK, END = 2880, b"END".ljust(80)  # FITS standard 4.0, sections 3.1 and 4.4.1


@dataclass(frozen=True)
class FitsTable:
    """Where the rows of a FITS table lie: path, number of rows, raw row type, offset in bytes, columns by name."""

    path: Path
    rows: int
    dtype: np.dtype
    offset: int
    columns: dict

    def find(self, names):
        """Return the column called by one of ``names``, in any case, or None."""
        lower = {name.lower(): name for name in reversed(self.columns)}
        return next((n if n in self.columns else lower[n.lower()] for n in names if n.lower() in lower), None)


def open_fits_table(path):
    """Return the first binary table of a FITS file, plain or gzipped; raise CatalogError where there is none."""
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyUserWarning)  # of a file cut short: its rows are counted when read
            _check_headers(path)
            table, width = _first_table(path)
    except DAMAGED as error:  # astropy answers a damaged header with any of these
        got = str(error)[:200] or type(error).__name__
        raise CatalogError("cannot be read as FITS", item=path, got=got, remedy=WHOLE) from error
    if table is None:
        raise CatalogError("has no whole binary table", item=path, remedy="Fetch it again if it should have one")
    if width != table.dtype.itemsize or not table.columns:
        expected, got = f"rows of {table.dtype.itemsize} bytes, by its columns", f"{width} by its header"
        raise CatalogError("has a damaged header", item=path, expected=expected, got=got, remedy="Fetch it again")
    if not 0 < width <= SLICE_BYTES:
        got, expected = f"{width:,} bytes a row", f"at most {SLICE_BYTES:,}"
        raise CatalogError("has rows of an impossible length", item=path, expected=expected, got=got, remedy=WHOLE)
    return table


def _check_headers(path):
    """Raise CatalogError for a header without an end before the first table: a zipped one would fill the memory."""
    with open_unpacked(path) as handle:
        while header := b"".join(_header_blocks(handle, path)):
            known = fits.Header.fromstring(header.decode("ascii", "replace"))
            if known.get("XTENSION") == "BINTABLE":
                return
            handle.seek(known.data_size_padded, 1)


def _header_blocks(handle, path):
    """Yield the blocks of one header, up to the one with its END, or to the end of the file."""
    for _ in range(MAX_HEADER // BLOCK):
        block = handle.read(BLOCK)
        yield block
        if len(block) < BLOCK or END in (block[i : i + 80] for i in range(0, BLOCK, 80)):
            return
    expected = f"an END within {MAX_HEADER:,} bytes"
    raise CatalogError("has a header without an end", item=path, expected=expected, remedy=WHOLE)


def _first_table(path):
    """Return the first binary table of a file and the bytes its header gives to a row; None, 0 where there is none."""
    with fits.open(path, memmap=True, disable_image_compression=True) as hdus:
        for hdu in hdus:
            if isinstance(hdu, fits.BinTableHDU):
                columns = {column.name: (column.bzero, column.bscale) for column in hdu.columns}
                rows, width = (int(hdu.header[key]) for key in ("NAXIS2", "NAXIS1"))
                offset = hdu.fileinfo()["datLoc"]
                return FitsTable(path, rows, hdu.columns.dtype.newbyteorder(">"), offset, columns), width
    return None, 0


def iterate_columns(table, names, rows=SLICE_ROWS):
    """Yield (first row, {name: array}) for slices of a FITS table, only ``names``, in the machine's byte order."""
    rows = max(1, min(rows, SLICE_BYTES // table.dtype.itemsize))
    with open_unpacked(table.path) as handle:
        handle.seek(table.offset)
        for start in range(0, table.rows, rows):
            n = min(rows, table.rows - start)
            raw = np.frombuffer(_read(handle, table, n), dtype=table.dtype)
            try:
                values = {name: _values(raw[name], *table.columns[name]) for name in names}
            except DAMAGED as error:
                raise CatalogError("has a column that cannot be read", item=table.path, got=str(error)) from error
            yield start, values


def open_unpacked(path):
    """Return a file open for reading, unpacked on the way where it is gzipped."""
    with open(path, "rb") as handle:
        zipped = handle.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else open(path, "rb")


def _read(handle, table, n):
    try:
        data = handle.read(n * table.dtype.itemsize)
    except UNREADABLE:
        data = b""
    if len(data) < n * table.dtype.itemsize:
        raise CatalogError(
            "ends before its last row", item=table.path, expected=f"{table.rows:,} rows", remedy="Fetch it again"
        )
    return data


def _values(raw, bzero, bscale):
    """Return a column's values: offset and scale of FITS applied, unsigned integers exact."""
    values = raw.astype(raw.dtype.newbyteorder("="))
    if bzero == 2**63 and values.dtype.kind == "i" and values.dtype.itemsize == 8:
        return values.view("u8") ^ np.uint64(1 << 63)
    if bscale not in (None, "", 1):
        return values * float(bscale) + float(bzero or 0)
    if bzero not in (None, "", 0):
        return values.astype("i8") + int(bzero) if values.dtype.kind in "iu" else values + bzero
    return values
