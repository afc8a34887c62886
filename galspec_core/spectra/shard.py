"""Shards: about a thousand spectra in one Parquet file, on native pixels or on a grid."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.files import replace
from galspec_core.spectra.spectrum import Spectrum

ROWS_PER_GROUP = 256  # spectra that a reader holds at once: 10 MB of native pixels
NATIVE_SCHEMA = pa.schema(
    [
        ("specobjid", pa.uint64()),
        ("plate", pa.int32()),
        ("mjd", pa.int32()),
        ("fiberid", pa.int32()),
        ("run2d", pa.string()),
        ("z", pa.float64()),
        ("loglam0", pa.float64()),
        ("flux", pa.list_(pa.float32())),
        ("ivar", pa.list_(pa.float32())),
        ("and_mask", pa.list_(pa.int32())),
    ]
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


def stack(parts):
    """Return several Gridded as one."""
    return Gridded(*(np.concatenate([getattr(p, key) for p in parts]) for key in ("specobjid", "z", "flux", "ivar")))


def write_native(path, tables):
    """Write native-grid rows, an iterable of tables with NATIVE_SCHEMA, to one Parquet shard, whole or not at all."""
    with replace(path) as temporary, pq.ParquetWriter(temporary, NATIVE_SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table, row_group_size=ROWS_PER_GROUP)


def native_table(rows):
    """Return a table of native rows, each a dict with the columns of NATIVE_SCHEMA."""
    return pa.Table.from_pylist(rows, schema=NATIVE_SCHEMA)


def native_row(target, spectrum):
    """Return the native row of one spectrum; ``target`` has specobjid, plate, mjd, fiberid, run2d and z."""
    keys = {key: target[key] for key in ("specobjid", "plate", "mjd", "fiberid", "run2d", "z")}
    pixels = dict(flux=spectrum.flux, ivar=spectrum.ivar, and_mask=spectrum.and_mask)
    return keys | dict(loglam0=spectrum.loglam0) | pixels


def iterate_native(path):
    """Yield (row, spectrum) for each spectrum of a native shard; ``row`` is a dict of its identifiers."""
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
        identifiers = batch.select(NATIVE_SCHEMA.names[:7]).to_pylist()
        for i, row in enumerate(identifiers):
            flux, ivar, and_mask = (batch.column(key)[i].values.to_numpy() for key in ("flux", "ivar", "and_mask"))
            yield row, Spectrum(row["loglam0"], flux, ivar, and_mask, row["z"])


def gridded_schema(pixels):
    """Return the Parquet schema of gridded spectra with ``pixels`` pixels."""
    values = pa.list_(pa.float32(), pixels)
    return pa.schema([("specobjid", pa.uint64()), ("z", pa.float32()), ("flux", values), ("ivar", values)])


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
        pq.write_table(table, temporary, compression="zstd", compression_level=1, row_group_size=ROWS_PER_GROUP)


def _fixed(values, kind):
    """Return values[B, L] as a column of fixed-size lists."""
    flat = pa.array(np.ascontiguousarray(values, dtype="f4").reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, type=kind)


def read_gridded(path, ids=None):
    """Return the gridded spectra of a shard in its order; only those in ``ids`` (uint64) where given."""
    file = pq.ParquetFile(path)
    pixels = file.schema_arrow.field("flux").type.list_size
    parts = [_gridded_part(batch, pixels, ids) for batch in file.iter_batches(batch_size=ROWS_PER_GROUP)]
    if not parts:
        parts = [
            Gridded(np.empty(0, "u8"), np.empty(0, "f4"), np.empty((0, pixels), "f4"), np.empty((0, pixels), "f4"))
        ]
    return stack(parts)


def _gridded_part(batch, pixels, ids):
    specobjid = batch.column("specobjid").to_numpy()
    keep = slice(None) if ids is None else np.isin(specobjid, ids)
    flux, ivar = (batch.column(key).flatten().to_numpy().reshape(-1, pixels)[keep] for key in ("flux", "ivar"))
    return Gridded(specobjid[keep], batch.column("z").to_numpy()[keep], flux, ivar)


def gridded_ids(path):
    """Return the specobjid of each spectrum of a shard, in its order: uint64[B]."""
    return pq.read_table(Path(path), columns=["specobjid"])["specobjid"].to_numpy()


def list_shards(paths):
    """Return which shards there are: columns shard, n (spectra), bytes, and when each was written, ns since 1970.

    A shard written anew changes the list even where its number of spectra does not: what reads the list then runs again,
    however the run was interrupted.
    """
    facts = [(Path(path), os.stat(path)) for path in paths]
    rows = [(path.stem, pq.read_metadata(path).num_rows, fact.st_size, fact.st_mtime_ns) for path, fact in facts]
    return pd.DataFrame(rows, columns=["shard", "n", "bytes", "written_ns"])


def listed_shards(path):
    """Return the paths of the shards that a list beside them names, in its order."""
    shards = pd.read_csv(path, dtype={"shard": str})["shard"]
    return [str(Path(path).with_name(f"{shard}.parquet")) for shard in shards]
