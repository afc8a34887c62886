"""Selection: the cuts on specObj, in the order of the configuration, each counted."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from galspec_core.catalogs.tables import read_counts
from galspec_core.errors import CatalogError, ConfigError

BATCH_ROWS = 100_000
KEPT = ["specobjid", "plate", "mjd", "fiberid", "run2d", "instrument", "ra", "dec", "z", "z_source", "snr"]
DROP_COLUMNS = ["catalogue", "reason", "n"]


def _one_of(column):
    def keep(batch, allowed):
        values = pa.array([allowed] if isinstance(allowed, str) else list(allowed), pa.string())
        return pc.is_in(batch[column], values).to_numpy(zero_copy_only=False)

    return keep


def _none_of(column):
    def keep(batch, refused):
        return ~_one_of(column)(batch, refused)

    return keep


def _within(column):
    def keep(batch, limits):
        values = batch[column].to_numpy()
        low, high = (
            default if limit is None else limit for limit, default in zip(limits, (-np.inf, np.inf), strict=True)
        )
        return (values >= low) & (values <= high)

    return keep


def _equal(column):
    return lambda batch, value: batch[column].to_numpy() == value


def _good_share(batch, least):
    """Keep enough good pixels, and spectra of which the catalogue does not say how many they have."""
    values = batch["good_share"].to_numpy()
    return ~(values < least)


def _on_sky(batch, _):
    return (np.abs(batch["ra"].to_numpy()) <= 360) & (np.abs(batch["dec"].to_numpy()) <= 90)  # False for NaN


def _words(value):
    return value if isinstance(value, str) else " or ".join(str(v) for v in value)


def _range(value):
    low, high = value
    if high is None:
        return f"below {low}"
    return f"above {high}" if low is None else f"outside {low} to {high}"


CUTS = {  # configuration key: which rows stay, and what is said of those that go
    "class": (_one_of("class"), lambda v: f"CLASS is not {_words(v)}"),
    "zwarning": (_equal("zwarning"), lambda v: f"ZWARNING is not {v}"),
    "platequality": (_one_of("platequality"), lambda v: f"PLATEQUALITY is not {_words(v)}"),
    "exclude_run2d": (_none_of("run2d"), lambda v: f"RUN2D is {_words(v)}"),
    "z": (_within("z"), lambda v: f"redshift {_range(v)}"),
    "snr": (_within("snr"), lambda v: f"S/N {_range(v)}"),
    "min_good_share": (_good_share, lambda v: f"less than {v} of the pixels are good"),
}
ALWAYS = ((_on_sky, None, "no sky position"),)


@dataclass(frozen=True)
class SelectConfig:
    """The cuts and their values, in order; a null value leaves its cut out."""

    cuts: tuple

    @classmethod
    def from_config(cls, section):
        """Return the cuts of ``catalogs.select``; raise ConfigError naming a key that is no cut."""
        unknown = [key for key in section if key not in CUTS]
        if unknown:
            raise ConfigError(f"there is no cut {unknown[0]!r}", item="catalogs.select", expected=", ".join(CUTS))
        return cls(tuple((key, value) for key, value in section.items() if value is not None))

    def steps(self):
        """Return (function, value, reason) of every cut in order."""
        return [(CUTS[key][0], value, CUTS[key][1](value)) for key, value in self.cuts] + list(ALWAYS)


def select(specobj, config):
    """Return the selected rows and what was dropped.

    Parameters
    ----------
    specobj : path or pa.Table
        The specObj catalogue as ``read_catalog`` writes it; a path is streamed.
    config : SelectConfig

    Returns
    -------
    selected : pa.Table
        Columns KEPT, in the catalogue's order; repeats of a galaxy are kept.
    drops : DataFrame
        catalogue, reason, n: each row counts at the first cut that it fails.

    Raises
    ------
    CatalogError
        No row passes.
    """
    steps = config.steps()
    counts, parts = np.zeros(len(steps), dtype="i8"), []
    for batch in each_batch(specobj):
        keep, failed = _apply(batch, steps)
        counts += failed
        parts.append(pa.Table.from_batches([batch]).select(KEPT).filter(pa.array(keep)))
    drops = _drops(specobj, steps, counts)
    selected = pa.concat_tables(parts) if parts else pa.table({})
    if not selected.num_rows:
        listed = "; ".join(f"{row.n:,} {row.reason}" for row in drops.itertuples())
        raise CatalogError("no spectrum passes the cuts", item="catalogs.select", got=listed, remedy="Loosen them")
    return selected, drops


def each_batch(specobj):
    """Return the rows of the survey's catalogue, a table or the path of one, in batches."""
    if isinstance(specobj, pa.Table):
        return specobj.to_batches(max_chunksize=BATCH_ROWS)
    return pq.ParquetFile(specobj).iter_batches(batch_size=BATCH_ROWS)


def first_failed(batch, config):
    """Return why each row of a batch of the catalogue is not selected: the first cut that it fails, in words; "" if none."""
    reasons = np.full(batch.num_rows, "", dtype=object)
    for function, value, reason in reversed(config.steps()):
        reasons[~function(batch, value)] = reason
    return list(reasons)


def _apply(batch, steps):
    """Return which rows pass every step, and how many fail first at each."""
    keep, failed = np.ones(batch.num_rows, dtype=bool), []
    for function, value, _ in steps:
        passed = function(batch, value)
        failed.append(int((keep & ~passed).sum()))
        keep &= passed
    return keep, np.array(failed)


def _drops(specobj, steps, counts):
    read = {} if isinstance(specobj, pa.Table) else read_counts(Path(specobj))
    rows = [("specobj", reason, n) for reason, n in read.items()]
    rows += [("specobj", reason, int(n)) for (_, _, reason), n in zip(steps, counts, strict=True)]
    return pd.DataFrame(rows, columns=DROP_COLUMNS)
