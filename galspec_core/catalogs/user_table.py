"""A user's table of targets: CSV, FITS or VOTable, told apart by content, its columns mapped to ours."""

import io
import warnings
from pathlib import Path
from xml.parsers import expat

import numpy as np
import pandas as pd
import pyarrow as pa
from astropy.io.votable import parse_single_table

from galspec_core.catalogs.fits_rows import UNREADABLE, iterate_columns, open_fits_table, open_unpacked
from galspec_core.catalogs.ids import parse_specobjid, text
from galspec_core.catalogs.layouts import schema
from galspec_core.errors import CatalogError, ConfigError

SCHEMA = schema(ids="specobjid", integers="plate mjd fiberid", numbers="ra dec", words="subtype")
IDENTIFIERS = (("specobjid",), ("plate", "mjd", "fiberid"), ("ra", "dec"))  # any one of these names a spectrum
KINDS = "CSV, FITS or VOTable"
SAVE_IT = "Save it anew as one of these, with one row a target"
INSIDE = "Save it with its data inside (TABLEDATA or BINARY2)"
DELIMITERS = "\t;,|"
MAX_BYTES = 500_000_000  # of a table of targets, unpacked: it is held in memory (our choice)
UNKNOWN = {"i4": -1, "f8": np.nan}
LIMITS = {"i4": (-1, 2**31 - 1), "ra": (-360.0, 360.0), "dec": (-90.0, 90.0)}  # of whole numbers, and of degrees


def read_user_table(path, columns=None, only=None):
    """Return a user's table with SCHEMA: specobjid 0, fibre -1, ra and dec NaN, subtype "" where it has none.

    Parameters
    ----------
    path : path
    columns : dict, optional
        Our name to the table's, in any case; None looks for ours. Positions are in degrees.
    only : dict, optional
        A column of the table to the words that it must have in a row that counts: {"label": ["keep"]}.

    Raises
    ------
    ConfigError
        ``columns`` names something that is none of ours.
    CatalogError
        The file is no table, lacks a column, none of specobjid, plate-mjd-fiberid, ra-dec is there, or no row counts.
    """
    item, raw = Path(path), READERS[sniff(path)](Path(path))
    found = _map_columns(raw, columns, item)
    raw = _rows_that_count(raw, only or {}, item)
    n = len(next(iter(raw.values()), ()))
    if not n:
        what = "has no rows" + (f" with {only}" if only else "")
        raise CatalogError(what, item=item, remedy="Put one target a line below the header")
    values = {name: np.full(n, UNKNOWN["i4"], "i4") for name in ("plate", "mjd", "fiberid")}
    values |= {name: np.full(n, UNKNOWN["f8"]) for name in ("ra", "dec")}
    values |= {"specobjid": np.zeros(n, "u8"), "subtype": [""] * n}
    for name, column in found.items():
        values[name] = _convert(name, raw[column], item)
    return pa.Table.from_pydict(values, schema=SCHEMA)


def sniff(path):
    """Return what a file holds by its first bytes: ``fits``, ``votable`` or ``csv``."""
    head = _bytes(path, 4096).lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"SIMPLE  ="):
        return "fits"
    if head.startswith(b"<"):
        if b"<VOTABLE" in head.upper():
            return "votable"
        raise CatalogError("is a web page or other markup, not a table", item=path, expected=KINDS, remedy=SAVE_IT)
    if not head or b"\0" in head:
        raise CatalogError("is empty" if not head else "is binary", item=path, expected=KINDS, remedy=SAVE_IT)
    return "csv"


def _bytes(path, n):
    """Return the first ``n`` bytes of a plain or gzipped file."""
    try:
        with open_unpacked(path) as handle:
            return handle.read(n)
    except UNREADABLE as error:
        raise CatalogError("cannot be read", item=path, got=str(error), remedy="Fetch it again") from error


def _whole(path):
    """Return a whole plain or gzipped file; raise CatalogError if it has more than MAX_BYTES."""
    content = _bytes(path, MAX_BYTES + 1)
    _check_size(len(content), path)
    return content


def _check_size(size, path):
    if size > MAX_BYTES:
        expected, remedy = f"at most {MAX_BYTES:,} bytes", "Keep the targets' rows and the columns that name them"
        raise CatalogError("is too large for a table of targets", item=path, expected=expected, remedy=remedy)


def _read_csv(path):
    options = dict(dtype=str, comment="#", keep_default_na=False, index_col=False)
    try:
        content = _whole(path).decode("utf-8-sig")
        first = next((line for line in content.splitlines() if line.strip() and not line.startswith("#")), "")
        delimiter = max(DELIMITERS, key=first.count)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows longer than the header
            frame = pd.read_csv(io.StringIO(content), sep=delimiter if delimiter in first else r"\s+", **options)
    except (ValueError, pd.errors.ParserWarning) as error:  # pandas' parser errors and wrong encodings are ValueErrors
        raise CatalogError("cannot be read as CSV", item=path, got=str(error), remedy=SAVE_IT) from error
    return {str(name).strip(): frame[name].str.strip().to_numpy(dtype=object) for name in frame}


def _read_fits(path):
    table = open_fits_table(path)
    _check_size(table.rows * table.dtype.itemsize, path)
    parts = [raw for _, raw in iterate_columns(table, list(table.columns))]
    return {name: np.concatenate([raw[name] for raw in parts]) if parts else np.empty(0) for name in table.columns}


def _refuse_links(content, path):
    """Raise CatalogError for a VOTable that draws on other files: astropy would read them, whosever they are."""
    found, parser = [], expat.ParserCreate()

    def note(name, attributes):
        if name.rpartition(":")[2] == "STREAM" and "href" in attributes:
            found.append(f"a stream from {attributes['href']}")

    parser.StartElementHandler = note
    parser.EntityDeclHandler = lambda name, *facts: found.append(f"an entity {name}")
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        what = "is a VOTable that is not well-formed XML"
        raise CatalogError(what, item=path, got=str(error), remedy=SAVE_IT) from error
    if found:
        raise CatalogError("draws on something outside the file", item=path, got=found[0][:200], remedy=INSIDE)


def _read_votable(path):
    content = _whole(path)
    _refuse_links(content, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # archives write units and versions that astropy remarks upon
            table = parse_single_table(io.BytesIO(content), verify="ignore").to_table(use_names_over_ids=True)
    except (LookupError, ValueError, TypeError, AttributeError, OSError, expat.ExpatError) as error:
        got = str(error)[:200]
        raise CatalogError("is a VOTable without a table in it", item=path, got=got, remedy=SAVE_IT) from error
    return {name: _unmasked(table[name]) for name in table.colnames}


def _unmasked(column):
    values = np.ma.asarray(column)
    fill = {"i": -1, "u": 0, "f": np.nan}.get(values.dtype.kind, "")
    return np.asarray(values.filled(fill) if np.ma.is_masked(values) else values.data)


READERS = {"csv": _read_csv, "fits": _read_fits, "votable": _read_votable}


def _map_columns(raw, columns, item):
    """Return {our name: the table's}; raise where a mapped one is missing or no identifier is complete."""
    unknown = sorted(set(columns or {}) - set(SCHEMA.names))
    if unknown:
        raise ConfigError(f"no such column: {', '.join(unknown)}", item=item, expected=", ".join(SCHEMA.names))
    lower = {name.lower(): name for name in reversed(raw)} | {name: name for name in raw}
    wanted = {ours: theirs for ours, theirs in (columns or {}).items() if theirs} or {
        n: n for n in SCHEMA.names if n in lower
    }
    found = {ours: lower.get(theirs, lower.get(theirs.lower())) for ours, theirs in wanted.items()}
    missing = [wanted[ours] for ours, column in found.items() if column is None]
    got, remedy = f"the columns {', '.join(raw)}", "Map its columns in the configuration"
    if missing:
        raise CatalogError(f"lacks the columns {', '.join(missing)}", item=item, got=got, remedy=remedy)
    if not any(set(names) <= set(found) for names in IDENTIFIERS):
        expected = "specobjid, or plate, mjd and fiberid, or ra and dec"
        raise CatalogError("names no spectrum", item=item, expected=expected, got=got, remedy=remedy)
    return found


def _rows_that_count(raw, only, item):
    """Return the rows of a table that have one of the wanted words in each column of ``only``."""
    lower = {name.lower(): name for name in reversed(raw)} | {name: name for name in raw}
    for name, words in only.items():
        column = lower.get(name, lower.get(name.lower()))
        if column is None:
            raise CatalogError(
                f"lacks the column {name}, which tells the rows that count", item=item, got=", ".join(raw)
            )
        keep = np.isin(np.array(text(raw[column]).to_pylist(), dtype=object), list(map(str, words)))
        raw = {key: values[keep] for key, values in raw.items()}
    return raw


def _convert(name, values, item):
    if values.ndim != 1:
        raise CatalogError(f"the column of {name} has several values a row", item=item, got=str(values.shape[1:]))
    if name == "specobjid":
        return parse_specobjid(values, str(item), optional=True)
    if name == "subtype":
        return [(v.decode() if isinstance(v, bytes) else str(v)).strip() for v in values]
    kind = "i4" if SCHEMA.field(name).type == pa.int32() else "f8"
    return _numbers(name, values, kind, item)


def _numbers(name, values, kind, item):
    """Return numbers of type ``kind``; blanks are unknown, anything else is an error that names its row."""
    if values.dtype.kind in "SUO":
        values = np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values], dtype=object)
        values = np.where([v.strip() in ("", "--") for v in values], "nan", values)
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype="f8", na_value=np.nan)
    wrong = np.isnan(numbers) & ~np.isin(np.asarray(values).astype(str), ("nan", "NaN"))
    low, high = LIMITS["i4"] if kind == "i4" else LIMITS[name]
    wrong |= (numbers < low) | (numbers > high) | ((kind == "i4") & (numbers != np.round(numbers)) & ~np.isnan(numbers))
    if wrong.any():
        row = int(np.argmax(wrong))
        expected = f"{'a whole number' if kind == 'i4' else 'degrees as a number'} from {low:g} to {high:g}"
        raise CatalogError(f"bad {name}", item=f"{item}, row {row}", expected=expected, got=repr(values[row]))
    return np.where(np.isnan(numbers), UNKNOWN[kind], numbers).astype(kind)
