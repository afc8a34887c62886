"""A small FITS file in memory: its headers and the rows of one table, every size checked against the bytes that are there.

Headers are read here and not by astropy, which takes ten times as long for one spectrum and leaves a damaged header by
a dozen different exceptions (FITS standard 4.0: sections 3.3, 4.1, 4.2 and 7.3).
"""

import math
import re
from dataclasses import dataclass

import numpy as np

from galspec_core.errors import SpectrumError

BLOCK, CARD_LENGTH = 2880, 80  # bytes
END = b"END".ljust(CARD_LENGTH)
READ = 2  # HDUs whose headers are read whole; of the others the first block, which holds their size
CARD = re.compile(rb"([A-Z0-9_-]{1,8}) *= +(?:'((?:[^']|'')*)'|([^/ ']+)) *(?:/|$)")
WHOLE = re.compile(r"[+-]?\d+")
FORM = re.compile(r"(\d{0,9})([LXBIJKAEDCMPQ])")
BYTES = dict(L=1, B=1, I=2, J=4, K=8, A=1, E=4, D=8, C=8, M=16, P=8, Q=16)  # of one element of a column
NUMBERS = dict(B=">u1", I=">i2", J=">i4", K=">i8", E=">f4", D=">f8")
MOST_AXES, MOST_COLUMNS = 999, 999  # of an HDU (FITS standard 4.0)
MOST_BYTES = 2**63  # of an HDU: 999 axes could ask for a number too long to print


@dataclass(frozen=True)
class Hdu:
    """Where an HDU lies in a file: its cards as text by keyword, the first byte of its data and the first behind them."""

    cards: dict
    data: int
    end: int

    def number(self, key, default=None):
        """Return a card's whole number, ``default`` where the card is missing; None if it holds anything else."""
        text = self.cards.get(key)
        return default if text is None else int(text) if WHOLE.fullmatch(text) else None


@dataclass(frozen=True)
class Column:
    """A column of numbers: dtype in the file, offset in a row in bytes, scale and zero point."""

    name: str
    dtype: str
    offset: int
    scale: float
    zero: float

    def values(self, raw):
        """Return raw[n] as float64[n], scale and zero point applied; a NaN of any kind stays one."""
        with np.errstate(all="ignore"):
            return raw.astype("f8") * self.scale + self.zero

    def bits(self, raw, where):
        """Return raw[n] as int32[n] with the same 32 lowest bits, the zero point of unsigned numbers applied."""
        if raw.dtype.kind == "f" or self.scale != 1 or not self.zero.is_integer():
            raise SpectrumError(f"{self.name} holds no bits", reason="wrong type", item=where, expected="whole numbers")
        whole = raw.astype("i8").view("u8") + np.uint64(int(self.zero) % 2**64)
        return (whole & np.uint64(2**32 - 1)).astype("u4").view("i4")


def damaged(what, name, **facts):
    """Return the error of a file whose bytes contradict each other."""
    return SpectrumError(what, reason="damaged", item=name, **facts)


def split_hdus(content, name):
    """Return every Hdu of a file's bytes, from HDU 2 on with the cards of their first block alone.

    Raises
    ------
    SpectrumError
        "cut short" if the file ends before the last HDU does, "damaged" if a header makes no sense.
    """
    hdus, start = [], 0
    while start < len(content):
        where = f"{name}, HDU {len(hdus)}"
        if hdus and not content.startswith(b"XTENSION", start):
            raise damaged(
                "no header where one should begin", where, got=f"{content[start : start + 8]!r} at byte {start:,}"
            )
        behind, data = _find_data(content, start, where)
        cards = _read_cards(content[start : behind if len(hdus) < READ else min(behind, start + BLOCK)])
        size = _data_size(cards, where)
        end = data + -(-size // BLOCK) * BLOCK
        if end > len(content):
            expected, got = f"{end:,} bytes by its headers", f"{len(content):,}"
            raise SpectrumError("the file is cut short", reason="cut short", item=where, expected=expected, got=got)
        hdus.append(Hdu(cards, data, end))
        start = end
    return hdus


def _find_data(content, start, where):
    """Return the byte behind the last card of the header at byte ``start`` and the first byte of its data."""
    at = content.find(END, start)
    while at >= 0 and (at - start) % CARD_LENGTH:
        at = content.find(END, at + 1)
    if at < 0:
        raise SpectrumError("the file is cut short", reason="cut short", item=where, got="a header without END")
    return at, start + (at - start) // BLOCK * BLOCK + BLOCK


def _read_cards(header):
    """Return the cards of a header as text by keyword, the first of each."""
    cards = {}
    for at in range(0, len(header), CARD_LENGTH):
        if found := CARD.match(header, at, at + CARD_LENGTH):
            text = found[2].replace(b"''", b"'") if found[3] is None else found[3]
            cards.setdefault(found[1].decode("ascii"), text.decode("latin-1").rstrip())
    return cards


def _data_size(cards, where):
    """Return the bytes of an HDU's data; a keyword that is missing or no number makes the HDU unreadable."""
    hdu = Hdu(cards, 0, 0)
    bits, axes, groups, heap = (hdu.number(*key) for key in (("BITPIX",), ("NAXIS",), ("GCOUNT", 1), ("PCOUNT", 0)))
    if bits not in (8, 16, 32, 64, -32, -64) or axes is None or not 0 <= axes <= MOST_AXES:
        raise damaged("the header has no usable BITPIX or NAXIS", where, got=_listed(cards, "BITPIX", "NAXIS"))
    keys = [f"NAXIS{i}" for i in range(1, axes + 1)]
    lengths = [hdu.number(key) for key in keys]
    if any(length is None or length < 0 for length in [*lengths, groups, heap]):
        raise damaged("the header gives no size", where, got=_listed(cards, *keys[:3], "GCOUNT", "PCOUNT"))
    elements = math.prod(lengths) if lengths else 0
    return min(abs(bits) // 8 * groups * (heap + elements), MOST_BYTES)


def _listed(cards, *keys):
    return ", ".join(f"{key} {cards.get(key, 'missing')[:20]}" for key in keys)


def table_columns(hdu, wanted, where):
    """Return {name: Column} of the ``wanted`` columns of numbers of a binary table, names in any case.

    Raises
    ------
    SpectrumError
        "damaged" if the columns do not fill the rows, "missing column", "wrong type" for a column of anything but one
        number a row.
    """
    if hdu.cards.get("XTENSION") != "BINTABLE" or (hdu.number("BITPIX"), hdu.number("NAXIS")) != (8, 2):
        raise damaged("it is no binary table", where, got=_listed(hdu.cards, "XTENSION", "BITPIX", "NAXIS"))
    fields = hdu.number("TFIELDS")
    if fields is None or not 0 <= fields <= MOST_COLUMNS:
        raise damaged("the table has no usable TFIELDS", where, got=_listed(hdu.cards, "TFIELDS"))
    found, offset = {}, 0
    for i in range(1, fields + 1):
        name, form = hdu.cards.get(f"TTYPE{i}", "").lower(), hdu.cards.get(f"TFORM{i}", "")
        parsed = FORM.match(form)
        if not parsed:
            raise damaged(f"column {i} has no usable TFORM", where, got=repr(form))
        repeat, letter = int(parsed[1] or 1), parsed[2]
        if name in wanted and name not in found:
            found[name] = _column(hdu, i, repeat, letter, offset, where)
        offset += -(-repeat // 8) if letter == "X" else repeat * BYTES[letter]
    if offset != hdu.number("NAXIS1"):
        raise damaged(
            "the columns do not fill the rows", where, expected=f"{offset} bytes", got=_listed(hdu.cards, "NAXIS1")
        )
    if missing := [name for name in wanted if name not in found]:
        got = f"{hdu.cards.get('EXTNAME', 'a table')} without {', '.join(missing)}"
        raise SpectrumError("the table lacks columns", reason="missing column", item=where, expected="COADD", got=got)
    return found


def _column(hdu, i, repeat, letter, offset, where):
    """Return column number ``i``; raise SpectrumError unless it holds one number a row."""
    name, form = hdu.cards[f"TTYPE{i}"], hdu.cards[f"TFORM{i}"]
    try:
        scale, zero = (
            float(hdu.cards.get(f"{key}{i}", value).replace("D", "E"))
            for key, value in (("TSCAL", "1"), ("TZERO", "0"))
        )
    except ValueError:
        raise damaged(f"{name} has no usable scale", where, got=_listed(hdu.cards, f"TSCAL{i}", f"TZERO{i}")) from None
    if repeat != 1 or letter not in NUMBERS or f"TNULL{i}" in hdu.cards or not np.isfinite([scale, zero]).all():
        expected = "one number a row, no TNULL"
        raise SpectrumError(f"{name} is of another kind", reason="wrong type", item=where, expected=expected, got=form)
    return Column(name, NUMBERS[letter], offset, scale, zero)


def read_rows(content, hdu, columns):
    """Return the rows of a table as they stand in the file, a structured array[n] with the fields ``columns``."""
    formats, offsets = ([getattr(column, key) for column in columns.values()] for key in ("dtype", "offset"))
    layout = dict(names=list(columns), formats=formats, offsets=offsets, itemsize=hdu.number("NAXIS1"))
    return np.frombuffer(content, np.dtype(layout), count=hdu.number("NAXIS2"), offset=hdu.data)
