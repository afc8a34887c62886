"""Catalogues to Parquet: one file each, the columns needed, under one name whatever the survey called them."""

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.catalogs.columns import check_columns
from galspec_core.catalogs.desi import LAYOUTS_OF
from galspec_core.catalogs.fits_rows import iterate_columns, open_fits_table
from galspec_core.catalogs.repeats import Repeats
from galspec_core.catalogs.user_table import read_user_table
from galspec_core.errors import CatalogError
from galspec_core.files import replace
from galspec_core.log import Progress, logger

COUNTS = b"galspec_counts"  # Parquet metadata: what reading a catalogue dropped


def read_catalog(name, source, out, columns=None, only=None, survey="sdss"):
    """Turn a catalogue into one Parquet file and return its number of rows.

    Parameters
    ----------
    name : str
        ``specobj``, ``galspecextra``, ``portsmouth_boss``, ``portsmouth_legacy``, ``silo`` (FITS, streamed), or
        ``outliers`` and ``tables/NAME`` (CSV, FITS or VOTable, told apart by content).
    source, out : path
    columns, only : dict, optional
        For a user's table: our column name to its own, and which rows count (see ``read_user_table``).
    survey : str
        A name of LAYOUTS_OF: whose catalogue ``specobj`` is.

    Raises
    ------
    CatalogError
        The file cannot be read, lacks a column, or holds a bad identifier.
    """
    if not Path(source).is_file():
        raise CatalogError("there is no such file", item=f"{name} {source}", remedy="Set its place in catalogs.files")
    layouts = LAYOUTS_OF[survey]
    if name in layouts:
        return _stream(name, layouts[name], open_fits_table(source), out)
    table = read_user_table(source, columns, only)
    with replace(Path(out)) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return table.num_rows


def read_counts(path):
    """Return what reading a catalogue dropped: {reason: n}."""
    metadata = pq.read_schema(path).metadata or {}
    metadata |= pq.read_metadata(path).metadata or {}
    return json.loads(metadata.get(COUNTS, b"{}"))


def _stream(name, layout, source, out):
    """Write the rows of a FITS table slice by slice; repeated identifiers keep their first row."""
    found = resolve(layout, source)
    if source.rows < 1:
        raise CatalogError("has no rows", item=f"{name} {source.path}", remedy="Set its key to null to do without it")
    repeats, counts, written = Repeats(), Counter(), 0
    progress = Progress(f"catalogs {name}", source.rows, "rows")
    with replace(Path(out)) as temporary, pq.ParquetWriter(temporary, layout.schema, compression="zstd") as writer:
        for start, raw in iterate_columns(source, sorted(set(found.values()))):
            item, columns = f"{name} {source.path}", {key: raw[column] for key, column in found.items()}
            check_columns(columns, layout.raw_schema, item, start)
            columns = _kept(columns, layout, counts)
            values = layout.convert(columns, item, start)
            part = pa.Table.from_pydict(values, schema=layout.schema)
            progress.add(len(next(iter(raw.values()))))
            part = part.filter(pa.array(repeats.first(values["specobjid"]))) if layout.unique else part
            writer.write_table(part, row_group_size=max(part.num_rows, 1))
            written += part.num_rows
        counts["repeated specobjid"] = repeats.n
        writer.add_key_value_metadata({COUNTS: json.dumps(counts)})
    logger.info("%s: %s rows, %s with a repeated specobjid left out", name, f"{written:,}", f"{repeats.n:,}")
    return written


def _kept(columns, layout, counts):
    """Return the columns of the rows that a layout keeps; count the others."""
    if layout.kept is None:
        return columns
    keep, reason = layout.kept[0](columns), layout.kept[1]
    counts[reason] += int((~keep).sum())
    return {key: values[keep] for key, values in columns.items()}


def resolve(layout, source):
    """Return {our name: column of the file}; raise CatalogError listing every required column that is missing."""
    found = {key: source.find(names) for key, names in (layout.required | layout.optional).items()}
    missing = [" or ".join(names) for key, names in layout.required.items() if found[key] is None]
    if missing:
        had = ", ".join(source.columns)
        raise CatalogError(f"lacks the columns {', '.join(missing)}", item=source.path, got=f"the columns {had}")
    return {key: column for key, column in found.items() if column is not None}
