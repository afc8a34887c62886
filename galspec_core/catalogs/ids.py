"""Identifiers of spectra: specobjid as uint64 from end to end, plate-mjd-fiberid, and exact look-ups."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from galspec_core.errors import CatalogError

ABSENT = 0  # specobjid or key of a row that has none
BLANK = pa.array(["", "0", "-1", "--", "nan", "null", "none"])
LARGEST = str(2**64 - 1)


def parse_specobjid(values, item, first_row=0, optional=False):
    """Return identifiers as uint64[n], exact above 2**63.

    Parameters
    ----------
    values : array[n] of bytes, str, signed or unsigned integers
        A signed integer that wrapped (plate 8192 and up) is turned back.
    item : str
        The catalogue, for the error.
    first_row : int
        Number of the first row, for the error.
    optional : bool
        A blank identifier becomes ABSENT instead of an error.

    Raises
    ------
    CatalogError
        A value is no identifier, or a column is floating point, which cannot hold one.
    """
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "fiuSUO":
        got = f"{values.dtype} in {values.ndim} dimensions"
        raise CatalogError("specobjid is of another kind", item=item, expected="text or uint64", got=got)
    if values.dtype.kind == "f":
        remedy = "A float keeps 53 of its 64 bits: give it as text or as an integer"
        raise CatalogError("specobjid is stored as a float", item=item, expected="text or uint64", remedy=remedy)
    if values.dtype.kind in "iu":
        ids = values.astype("u8") if values.dtype.kind == "u" else _unwrap(values)
        bad = ids == ABSENT
    else:
        ids, bad = _parse_text(text(values), item, first_row)
    if bad.any() and not optional:
        row = int(np.argmax(bad))
        raise CatalogError("not a specobjid", item=f"{item}, row {first_row + row}", got=repr(values[row]))
    return ids


def _unwrap(values):
    return np.where(values == -1, 0, values.astype("i8")).view("u8")


def text(values):
    """Return padded bytes, or words of any kind, as trimmed strings; bytes that are no text stand for themselves."""
    values = np.asarray(values)
    if values.dtype.kind == "O":
        values = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
    try:
        words = pc.cast(pa.array(values), pa.string())
    except pa.ArrowInvalid:  # not UTF-8
        words = pa.array(np.char.decode(values, "latin-1"))
    return pc.utf8_trim_whitespace(words)


def _parse_text(text, item, first_row):
    """Return identifiers and where they are blank; raise at the first that is neither."""
    blank = pc.is_in(pc.utf8_lower(text), BLANK)
    digits = pc.match_substring_regex(text, "^[0-9]{1,20}$")
    too_large = pc.and_(pc.equal(pc.utf8_length(text), 20), pc.greater(text, LARGEST))
    bad = pc.and_not(pc.or_(pc.invert(digits), too_large), blank).to_numpy(zero_copy_only=False)
    if bad.any():
        row = int(np.argmax(bad))
        raise CatalogError("not a specobjid", item=f"{item}, row {first_row + row}", got=repr(text[row].as_py()))
    ids = pc.cast(pc.if_else(blank, "0", text), pa.uint64()).to_numpy()
    return ids, blank.to_numpy(zero_copy_only=False)


def fibre_key(plate, mjd, fiberid):
    """Return one uint64 for each plate, mjd and fiberid; ABSENT where one of them is negative or too large."""
    plate, mjd, fiberid = (np.asarray(v, dtype="i8") for v in (plate, mjd, fiberid))
    known = (plate >= 0) & (mjd > 0) & (fiberid >= 0) & (plate < 1 << 24) & (mjd < 1 << 24) & (fiberid < 1 << 16)
    key = (plate << 40) | (mjd << 16) | fiberid
    return np.where(known, key, ABSENT).astype("u8")


def look_up(wanted, known):
    """Return the first row of ``known`` that equals each of ``wanted`` (uint64), or -1; ABSENT matches nothing."""
    wanted, known = np.asarray(wanted, dtype="u8"), np.asarray(known, dtype="u8")
    if not len(known):
        return np.full(len(wanted), -1, dtype="i8")
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    rows = order[place]
    return np.where((known[rows] == wanted) & (wanted != ABSENT), rows, -1)
