"""The spectra of some entries from a run's gridded shards: only the groups of rows that hold one are read."""

import numpy as np
import pyarrow.parquet as pq

from galspec_core.files import read_frame, whole
from galspec_core.spectra.shard import ROWS_PER_GROUP


def load_entries(folder, grid_name, ids):
    """Return {specobjid: (z, flux[L], ivar[L])} of the spectra ``ids`` that the run in ``folder`` has on a grid.

    Raises DamagedError where a shard is gone or not whole.
    """
    ids = np.unique(np.asarray(list(ids), dtype="u8"))
    if not len(ids):
        return {}
    manifest = read_frame(
        folder / "results/catalogs/manifest.parquet", ["specobjid", "shard"], [("specobjid", "in", ids)]
    )
    found = {}
    for shard in sorted(set(manifest["shard"].astype(str))):
        found |= _of_shard(folder / f"results/spectra/{grid_name}/{shard}.parquet", ids)
    return found


def _of_shard(path, ids):
    found = {}
    with whole(path), pq.ParquetFile(path) as file:
        pixels = file.schema_arrow.field("flux").type.list_size
        groups = [
            group for group in range(file.num_row_groups) if _may_hold(file.metadata.row_group(group).column(0), ids)
        ]
        for batch in file.iter_batches(ROWS_PER_GROUP, row_groups=groups) if groups else ():
            known = batch.column("specobjid").to_numpy()
            rows = np.flatnonzero(np.isin(known, ids))
            z = batch.column("z").to_numpy()
            flux, ivar = (batch.column(key).flatten().to_numpy().reshape(-1, pixels) for key in ("flux", "ivar"))
            found |= {int(known[row]): (float(z[row]), flux[row].copy(), ivar[row].copy()) for row in rows}
    return found


def _may_hold(column, ids):
    """Return whether a group of rows may hold one of ``ids`` (sorted), by the limits that the file gives."""
    limits = column.statistics
    if limits is None or not limits.has_min_max:
        return True
    return bool(np.searchsorted(ids, limits.min) < np.searchsorted(ids, limits.max, side="right"))
