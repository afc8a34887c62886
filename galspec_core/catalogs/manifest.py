"""The manifest: the spectra to fetch, cut into shards; made in pieces, so that no whole survey is held as text."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from galspec_core.errors import ConfigError
from galspec_core.files import ROWS_AT_ONCE, as_text

MAX_SHARD_ROWS = 2048  # spectra that one job fetches and holds
MANIFEST = ["specobjid", "plate", "mjd", "fiberid", "run2d", "ra", "dec", "z", "snr"]
MANIFEST_END = ["position", "shard", "instrument", "side"]
SELECTED = [*MANIFEST, "instrument"]  # what it takes from the selected spectra


@dataclass(frozen=True)
class Manifest:
    """n spectra sorted by plate, mjd and fiberid.

    ``row`` [n] is where each stands in the table ``selected``; ``position`` [n] uint64, ``training`` [n] bool, and
    ``shard`` [n], its number, ascending.
    """

    selected: pa.Table
    row: np.ndarray
    position: np.ndarray
    training: np.ndarray
    shard: np.ndarray

    def __len__(self):
        return len(self.row)

    @property
    def schema(self):
        """Return the schema of its tables."""
        return self.table(0, 0).schema

    def table(self, start=0, stop=None):
        """Return some of its rows, all where nothing else is asked, in the columns of manifest.parquet."""
        part = slice(start, stop)
        table = as_text(self.selected.select(SELECTED).take(pa.array(self.row[part])))
        side = pc.if_else(pa.array(self.training[part]), "training", "test")
        shard = pc.utf8_lpad(pa.array(self.shard[part]).cast(pa.string()), 4, "0")
        for name, column in (("position", pa.array(self.position[part])), ("shard", shard), ("side", side)):
            table = table.append_column(name, column)
        return table.select(MANIFEST + MANIFEST_END)

    def tables(self):
        """Yield all of its rows in pieces."""
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield self.table(start, start + ROWS_AT_ONCE)

    def of_shard(self, number):
        """Return the rows of one shard."""
        ends = np.array([number, number + 1], dtype=self.shard.dtype)  # of another type, all of them would be converted
        return self.table(*np.searchsorted(self.shard, ends))


def make_manifest(selected, survey, used, n_shards):
    """Return the Manifest of the spectra ``used`` (bool[n]) of a survey.

    Raises
    ------
    ConfigError
        A part would hold more than MAX_SHARD_ROWS spectra; the message has the number to set.
    """
    rows = np.flatnonzero(used)
    own = survey.row[rows]
    order = np.lexsort(
        [survey.specobjid[rows], *(selected[key].to_numpy()[own] for key in ("fiberid", "mjd", "plate"))]
    )
    rows, own = rows[order], own[order]
    shard = shard_numbers(len(rows), n_shards).astype("i4")
    return Manifest(selected, own, survey.position[rows], survey.training[rows], shard)


def shard_numbers(n, n_shards):
    """Return the part of each of ``n`` rows: ``n_shards`` equal parts, some empty where there are fewer rows."""
    if -(-n // n_shards) > MAX_SHARD_ROWS:
        least = -(-n // MAX_SHARD_ROWS)
        raise ConfigError(
            f"{n:,} spectra in {n_shards} parts are too many for one",
            item="spectra.n_shards",
            expected=f"at most {MAX_SHARD_ROWS:,} spectra a part",
            got=f"{-(-n // n_shards):,}",
            remedy=f"Set spectra.n_shards to {least} or more",
        )
    return np.arange(n) * n_shards // max(n, 1)
