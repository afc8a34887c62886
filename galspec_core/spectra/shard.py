"""Shards: about a thousand spectra in one Parquet file, on native pixels or on a grid."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.files import replace, whole
from galspec_core.record import checksum
from galspec_core.spectra.spectrum import Spectrum

ROWS_PER_GROUP = 256  # spectra that a reader holds at once: 10 MB of native pixels
ROWS_AT_ONCE = 64  # spectra on native pixels that are unpacked together: little memory, used again and again
FLOATS, BITS = (pa.field("element", kind, nullable=False) for kind in (pa.float32(), pa.int32()))
NATIVE_SCHEMA = pa.schema(
    [
        ("specobjid", pa.uint64()),
        ("plate", pa.int32()),
        ("mjd", pa.int32()),
        ("fiberid", pa.int32()),
        ("run2d", pa.string()),
        ("z", pa.float64()),
        ("loglam0", pa.float64()),
        pa.field("flux", pa.list_(FLOATS), nullable=False),
        pa.field("ivar", pa.list_(FLOATS), nullable=False),
        pa.field("and_mask", pa.list_(BITS), nullable=False),
    ]
)
IDENTIFIERS, PIXELS = NATIVE_SCHEMA.names[:7], NATIVE_SCHEMA.names[7:]
PACKING = dict(  # noise is in no dictionary; its bytes pack when those of one place in a number stand together
    compression="lz4",
    use_byte_stream_split=["flux.list.element", "ivar.list.element"],
    use_dictionary=IDENTIFIERS,
    write_statistics=IDENTIFIERS,
)


@dataclass(frozen=True)
class Gridded:
    """Normalised spectra on one grid: specobjid[B] uint64, z[B], flux[B, L], ivar[B, L] float32."""

    specobjid: np.ndarray
    z: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray

    def __len__(self):
        return len(self.specobjid)

    def __getitem__(self, rows):
        return Gridded(self.specobjid[rows], self.z[rows], self.flux[rows], self.ivar[rows])


def empty_gridded(n, pixels):
    """Return room for ``n`` spectra."""
    return Gridded(np.empty(n, "u8"), np.empty(n, "f4"), *(np.empty((n, pixels), "f4") for _ in range(2)))


def stack(parts):
    """Return several Gridded as one."""
    return Gridded(*(np.concatenate([getattr(p, key) for p in parts]) for key in ("specobjid", "z", "flux", "ivar")))


def write_native(path, tables):
    """Write native-grid rows, an iterable of tables with NATIVE_SCHEMA, to one Parquet shard, whole or not at all."""
    with replace(path) as temporary, pq.ParquetWriter(temporary, NATIVE_SCHEMA, **PACKING) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=ROWS_PER_GROUP)


def native_table(rows):
    """Return a table of native rows, each a dict with the columns of NATIVE_SCHEMA."""
    columns = [_column([row[field.name] for row in rows], field.type) for field in NATIVE_SCHEMA]
    return pa.Table.from_arrays(columns, schema=NATIVE_SCHEMA)


def _column(values, kind):
    """Return values, numbers or arrays of any length, as a column."""
    if not pa.types.is_list(kind):
        return pa.array(values, kind)
    ends = np.cumsum([0, *map(len, values)], dtype="i4")
    flat = np.concatenate(values) if values else np.empty(0)
    return pa.ListArray.from_arrays(ends, pa.array(flat, kind.value_type), type=kind)


def native_row(target, spectrum):
    """Return the native row of one spectrum; ``target`` has specobjid, plate, mjd, fiberid, run2d and z."""
    keys = {key: target[key] for key in IDENTIFIERS[:6]}
    pixels = {key: getattr(spectrum, key) for key in PIXELS}
    return keys | dict(loglam0=spectrum.loglam0) | pixels


def count_rows(path):
    """Return how many spectra a shard holds."""
    return pq.read_metadata(path).num_rows


def iterate_native(path):
    """Yield (row, spectrum) for each spectrum of a native shard; ``row`` is a dict of its identifiers."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=ROWS_AT_ONCE, use_threads=False):
        yield from _spectra(batch)


def find_native(path, ids):
    """Return what ``iterate_native`` yields for those of ``ids`` that a shard holds; groups of rows without one are not read."""
    with whole(path):
        table = pq.read_table(path, filters=[("specobjid", "in", ids)])
    return [found for batch in table.to_batches() for found in _spectra(batch)]


def _spectra(batch):
    for row in native_rows(batch):
        flux, ivar, and_mask = (row.pop(key) for key in PIXELS)
        yield row, Spectrum(row["loglam0"], flux, ivar, and_mask, row["z"])


def native_rows(batch):
    """Return the rows of a record batch with NATIVE_SCHEMA as native_table takes them, their arrays views of its memory."""
    rows = batch.select(IDENTIFIERS).to_pylist()
    pixels = zip(*(_pieces(batch.column(key)) for key in PIXELS), strict=True)
    return [row | dict(zip(PIXELS, arrays, strict=True)) for row, arrays in zip(rows, pixels, strict=True)]


def _pieces(column):
    """Return the arrays of a column of lists, views of its memory."""
    ends, flat = column.offsets.to_numpy(), column.values.to_numpy()
    return [flat[start:end] for start, end in pairwise(ends)]


def gridded_schema(pixels):
    """Return the Parquet schema of gridded spectra with ``pixels`` pixels."""
    values = pa.list_(FLOATS, pixels)
    kinds = dict(specobjid=pa.uint64(), z=pa.float32(), flux=values, ivar=values)
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])


def write_gridded(path, gridded):
    """Write gridded spectra to one Parquet shard, whole or not at all."""
    schema = gridded_schema(gridded.flux.shape[1])
    columns = [
        pa.array(gridded.specobjid, pa.uint64()),
        pa.array(gridded.z, pa.float32()),
        *(_fixed(getattr(gridded, key), schema.field(key).type) for key in ("flux", "ivar")),
    ]
    with replace(path) as temporary:
        table = pa.Table.from_arrays(columns, schema=schema)
        pq.write_table(table, temporary, row_group_size=ROWS_PER_GROUP, **PACKING)


def _fixed(values, kind):
    """Return values[B, L] as a column of fixed-size lists."""
    flat = pa.array(np.ascontiguousarray(values, dtype="f4").reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, type=kind)


def read_gridded(path, ids=None):
    """Return the gridded spectra of a shard in its order; only those in ``ids`` (uint64) where given."""
    file = pq.ParquetFile(path)
    pixels = file.schema_arrow.field("flux").type.list_size
    parts = [_gridded_part(batch, pixels, ids) for batch in file.iter_batches(batch_size=ROWS_PER_GROUP)]
    return stack(parts or [empty_gridded(0, pixels)])


def _gridded_part(batch, pixels, ids):
    specobjid = batch.column("specobjid").to_numpy()
    keep = slice(None) if ids is None else np.isin(specobjid, ids)
    flux, ivar = (batch.column(key).flatten().to_numpy().reshape(-1, pixels)[keep] for key in ("flux", "ivar"))
    return Gridded(specobjid[keep], batch.column("z").to_numpy()[keep], flux, ivar)


def gridded_ids(path):
    """Return the specobjid of each spectrum of a shard, in its order: uint64[B]."""
    return pq.read_table(Path(path), columns=["specobjid"])["specobjid"].to_numpy()


def list_shards(paths):
    """Return which shards there are, how many spectra each holds, and its checksum: columns shard, n, sha256.

    With the checksums a list changes whenever a shard does: what depends on the list alone is made again.
    """
    import pandas as pd  # here: a job that needs no list starts in half of the time

    rows = [(Path(path).stem, count_rows(path), checksum(path)) for path in paths]
    return pd.DataFrame(rows, columns=["shard", "n", "sha256"])


def listed_shards(path):
    """Return the paths of the shards that a list beside them names, in its order."""
    import pandas as pd

    shards = pd.read_csv(path, dtype={"shard": str})["shard"]
    return [str(Path(path).with_name(f"{shard}.parquet")) for shard in shards]
