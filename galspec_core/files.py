"""Write a file whole or not at all."""

import errno
import fnmatch
import glob
import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.errors import REMOVE, DamagedError

ROWS_AT_ONCE = 2**17  # rows of a large table that are made and written at once
_UMASK = os.umask(0o022)
os.umask(_UMASK)


@contextmanager
def replace(path):
    """Yield a temporary path in the folder of ``path``; on success it takes the name, on failure it is removed.

    What a killed process left of an earlier attempt at the same file goes, too.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_UMASK)  # some writers make files that only their owner can read
        os.replace(temporary, path)
        for left in fnmatch.filter(_found_temporary(path.parent), f".{glob.escape(path.name)}.*.tmp"):
            path.with_name(left).unlink(missing_ok=True)
    finally:
        temporary.unlink(missing_ok=True)


@cache
def _found_temporary(folder):
    """Return the names of temporary files that were in a folder when this process first wrote there."""
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def write_csv(frame, path):
    """Write a data frame as CSV without its index."""
    with replace(path) as temporary:
        frame.to_csv(temporary, index=False)


def write_parquet(table, path):
    """Write an Arrow table or a data frame as Parquet."""
    table = table if hasattr(table, "schema") else pa.Table.from_pandas(table, preserve_index=False)
    with replace(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def write_tables(tables, schema, path):
    """Write Arrow tables of one schema, one after another, as one Parquet file: none of them need stay in memory."""
    with replace(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def write_frame(frame, path):
    """Write a data frame of any size as Parquet, its categories as text, in pieces."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    pieces = (as_text(table.slice(start, ROWS_AT_ONCE)) for start in range(0, len(frame), ROWS_AT_ONCE))
    write_tables(pieces, as_text(table.slice(0, 0)).schema, path)


def as_text(table):
    """Return an Arrow table whose words are plain text, not numbers of a dictionary."""
    plain = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return table.cast(pa.schema(plain))


@contextmanager
def whole(path):
    """Raise DamagedError where a Parquet file that the workflow made is gone, or turns out cut short or overwritten."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        code = getattr(error, "errno", None)
        if code == errno.ENOENT:
            remedy = "Bring it back, or start again: the workflow makes it anew"
            raise DamagedError("is not there any more", item=path, remedy=remedy) from None
        if code is not None:
            raise
        got = " ".join(str(error).split())[:200]
        raise DamagedError("is damaged: no whole Parquet file", item=path, got=got, remedy=REMOVE) from None


def read_frame(path, columns=None, filters=None):
    """Return a Parquet file as a data frame without Python objects: words are categories, lists stay Arrow's.

    ``columns`` and ``filters`` are those of ``pyarrow.parquet.read_table``. Raises DamagedError where it cannot be read whole.
    """
    import pandas as pd  # here: most jobs need none, and it takes long to import

    with whole(path):
        schema = pq.read_schema(path)
        words = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        table = pq.read_table(path, columns=columns, filters=filters, read_dictionary=words)
    frame = table.to_pandas(types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_list(kind) else None)
    pa.default_memory_pool().release_unused()  # what reading took beyond the table itself
    return frame
