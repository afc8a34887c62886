"""A small FITS file in memory: its headers and the rows of one table, every size checked against the bytes that are there.

Headers are read here and not by astropy, which takes fifty times as long for one spectrum and leaves a damaged header by
a dozen different exceptions (FITS standard 4.0: sections 3.3, 4.1, 4.2 and 7.3). Only cards that are asked for are read,
and headers of one block once: in a survey most of them are the same in thousands of files.
"""

import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from galspec_core.errors import SpectrumError

BLOCK, CARD_LENGTH = 2880, 80  # bytes
END = b"END".ljust(CARD_LENGTH)
READ = 2  # HDUs whose headers are read whole; of the others the first block, which holds their size
CARD = np.dtype([("keyword", "S9"), ("rest", f"S{CARD_LENGTH - 9}")])
VALUE = re.compile(rb" +(?:'((?:[^']|'')*)'|([^/ ']+)) *(?:/|$)")  # of a card, behind "="
WHOLE = re.compile(r"[+-]?\d+")
FORM = re.compile(r"(\d{0,9})([LXBIJKAEDCMPQ])")
BYTES = dict(L=1, B=1, I=2, J=4, K=8, A=1, E=4, D=8, C=8, M=16, P=8, Q=16)  # of one element of a column
NUMBERS = dict(B=">u1", I=">i2", J=">i4", K=">i8", E=">f4", D=">f8")
KNOWN = 512  # headers of one block that are remembered
MOST_AXES, MOST_COLUMNS = 999, 999  # of an HDU (FITS standard 4.0)
MOST_BYTES = 2**63  # of an HDU: 999 axes could ask for a number too long to print


@dataclass(frozen=True)
class Hdu:
    """Where an HDU lies in a file: the bytes of its cards, the first byte of its data and the first behind them."""

    header: bytes
    data: int
    end: int

    @cached_property
    def _keywords(self):
        """The nine first bytes of every card: its keyword, and "=" where a value follows."""
        return np.frombuffer(self.header, CARD)["keyword"].tolist()

    def text(self, key, default=None):
        """Return the value of the first card with a keyword as text, ``default`` where there is none."""
        try:
            at = self._keywords.index(b"%-8b=" % key.encode("ascii")) * CARD_LENGTH
        except ValueError:
            return default
        found = VALUE.match(self.header, at + 9, at + CARD_LENGTH)
        if not found:
            return default
        text = found[1].replace(b"''", b"'") if found[2] is None else found[2]
        return text.decode("latin-1").rstrip()

    def number(self, key, default=None):
        """Return a card's whole number, ``default`` where the card is missing; None if it holds anything else."""
        text = self.text(key)
        return default if text is None else int(text) if WHOLE.fullmatch(text) else None

    def listed(self, *keys):
        """Return what some cards hold, for a message."""
        return ", ".join(f"{key} {self.text(key, 'missing')[:20]}" for key in keys)


@dataclass(frozen=True)
class Column:
    """A column of numbers: dtype in the file, offset in a row in bytes, scale and zero point."""

    name: str
    dtype: str
    offset: int
    scale: float
    zero: float

    @property
    def plain(self):
        """Whether the file has the numbers as they are."""
        return self.scale == 1 and self.zero == 0

    def values(self, raw, kind="f8"):
        """Return raw[n] as floats[n] of a kind, scale and zero point applied; a NaN of any kind stays one."""
        with np.errstate(all="ignore"):  # a flux beyond float32 is infinite, which is a bad pixel
            return raw.astype(kind) if self.plain else (raw.astype("f8") * self.scale + self.zero).astype(kind)

    def bits(self, raw):
        """Return raw[n] as int32[n] with the same 32 lowest bits, the zero point of unsigned numbers applied."""
        if raw.dtype.kind == "f" or self.scale != 1 or not self.zero.is_integer():
            raise SpectrumError(f"{self.name} holds no bits", reason="wrong type", expected="whole numbers")
        if self.plain and raw.dtype.itemsize == 4:
            return raw.astype("i4")
        whole = raw.astype("i8").view("u8") + np.uint64(int(self.zero) % 2**64)
        return (whole & np.uint64(2**32 - 1)).astype("u4").view("i4")


def damaged(what, **facts):
    """Return the error of a file whose bytes contradict each other."""
    return SpectrumError(what, reason="damaged", **facts)


def split_hdus(content, name, read=READ):
    """Return every Hdu of a file's bytes, all but the first ``read`` of them with the cards of their first block alone.

    Raises
    ------
    SpectrumError
        "cut short" if the file ends before the last HDU does, "damaged" if a header makes no sense.
    """
    hdus, start = [], 0
    try:
        while start < len(content):
            hdus.append(_find_hdu(content, start, whole=len(hdus) < read))
            start = hdus[-1].end
    except SpectrumError as error:
        error.item = f"{name}, HDU {len(hdus)}"
        raise
    return hdus


def _find_hdu(content, start, whole):
    """Return the Hdu that begins at byte ``start``, with all of its cards or those of its first block."""
    if start and not content.startswith(b"XTENSION", start):
        got = f"{content[start : start + 8]!r} at byte {start:,}"
        raise damaged("no header where one should begin", got=got)
    behind, data = _find_data(content, start)
    header = content[start : behind if whole else min(behind, start + BLOCK)]
    size = (_size_of_block if len(header) <= BLOCK else _data_size)(header)
    end = data + -(-size // BLOCK) * BLOCK
    if end > len(content):
        expected, got = f"{end:,} bytes by its headers", f"{len(content):,}"
        raise SpectrumError("the file is cut short", reason="cut short", expected=expected, got=got)
    return Hdu(header, data, end)


def _find_data(content, start):
    """Return the byte behind the last card of the header at byte ``start`` and the first byte of its data."""
    at = content.find(END, start)
    while at >= 0 and (at - start) % CARD_LENGTH:
        at = content.find(END, at + 1)
    if at < 0:
        raise SpectrumError("the file is cut short", reason="cut short", got="a header without END")
    return at, start + (at - start) // BLOCK * BLOCK + BLOCK


def _data_size(header):
    """Return the bytes of an HDU's data; a keyword that is missing or no number makes the HDU unreadable."""
    hdu = Hdu(header, 0, 0)
    bits, axes = hdu.number("BITPIX"), hdu.number("NAXIS")
    if bits not in (8, 16, 32, 64, -32, -64) or axes is None or not 0 <= axes <= MOST_AXES:
        raise damaged("the header has no usable BITPIX or NAXIS", got=hdu.listed("BITPIX", "NAXIS"))
    if axes == 0:
        return 0
    groups, heap = hdu.number("GCOUNT", 1), hdu.number("PCOUNT", 0)
    keys = [f"NAXIS{i}" for i in range(1, axes + 1)]
    lengths = [hdu.number(key) for key in keys]
    if any(length is None or length < 0 for length in [*lengths, groups, heap]):
        raise damaged("the header gives no size", got=hdu.listed(*keys[:3], "GCOUNT", "PCOUNT"))
    return min(abs(bits) // 8 * groups * (heap + math.prod(lengths)), MOST_BYTES)


_size_of_block = lru_cache(KNOWN)(_data_size)


def read_columns(content, hdu, wanted):
    """Return {name: (Column, raw[n])} of the ``wanted`` columns of a binary table, raw numbers as they stand in the file.

    Names may be in any case.

    Raises
    ------
    SpectrumError
        "damaged" if the columns do not fill the rows, "missing column", "wrong type" for a column of anything but one
        number a row.
    """
    columns, layout, rows = (_layout_of_block if len(hdu.header) <= BLOCK else _layout)(hdu.header, tuple(wanted))
    raw = np.frombuffer(content, layout, rows, hdu.data)
    return {name: (column, raw[name]) for name, column in columns.items()}


def _layout(header, wanted):
    """Return the ``wanted`` columns by name, their dtype as a structure, and the number of rows."""
    hdu = Hdu(header, 0, 0)
    if hdu.text("XTENSION") != "BINTABLE" or (hdu.number("BITPIX"), hdu.number("NAXIS")) != (8, 2):
        raise damaged("it is no binary table", got=hdu.listed("XTENSION", "BITPIX", "NAXIS"))
    columns = _table_columns(hdu, wanted)
    formats, offsets = ([getattr(column, key) for column in columns.values()] for key in ("dtype", "offset"))
    layout = dict(names=list(columns), formats=formats, offsets=offsets, itemsize=hdu.number("NAXIS1"))
    return columns, np.dtype(layout), hdu.number("NAXIS2")


_layout_of_block = lru_cache(KNOWN)(_layout)


def _table_columns(hdu, wanted):
    """Return {name: Column} of the ``wanted`` columns."""
    fields = hdu.number("TFIELDS")
    if fields is None or not 0 <= fields <= MOST_COLUMNS:
        raise damaged("the table has no usable TFIELDS", got=hdu.listed("TFIELDS"))
    found, offset = {}, 0
    for i in range(1, fields + 1):
        name, form = hdu.text(f"TTYPE{i}", "").lower(), hdu.text(f"TFORM{i}", "")
        parsed = FORM.match(form)
        if not parsed:
            raise damaged(f"column {i} has no usable TFORM", got=repr(form))
        repeat, letter = int(parsed[1] or 1), parsed[2]
        if name in wanted and name not in found:
            found[name] = _column(hdu, i, repeat, letter, offset)
        offset += -(-repeat // 8) if letter == "X" else repeat * BYTES[letter]
    if offset != hdu.number("NAXIS1"):
        raise damaged("the columns do not fill the rows", expected=f"{offset} bytes", got=hdu.listed("NAXIS1"))
    if missing := [name for name in wanted if name not in found]:
        got = f"{hdu.text('EXTNAME', 'a table')} without {', '.join(missing)}"
        raise SpectrumError("the table lacks columns", reason="missing column", expected="COADD", got=got)
    return found


def _column(hdu, i, repeat, letter, offset):
    """Return column number ``i``; raise SpectrumError unless it holds one number a row."""
    name, form = hdu.text(f"TTYPE{i}"), hdu.text(f"TFORM{i}")
    try:
        scale, zero = (
            float(hdu.text(f"{key}{i}", value).replace("D", "E")) for key, value in (("TSCAL", "1"), ("TZERO", "0"))
        )
    except ValueError:
        raise damaged(f"{name} has no usable scale", got=hdu.listed(f"TSCAL{i}", f"TZERO{i}")) from None
    if (
        repeat != 1
        or letter not in NUMBERS
        or hdu.text(f"TNULL{i}") is not None
        or not np.isfinite([scale, zero]).all()
    ):
        expected = "one number a row, no TNULL"
        raise SpectrumError(f"{name} is of another kind", reason="wrong type", expected=expected, got=form)
    return Column(name, NUMBERS[letter], offset, scale, zero)
