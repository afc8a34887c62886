"""Bring the spectra of one shard from the SAS root onto native pixels, resuming where a killed job stopped."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import feather

from galspec_core.errors import CatalogError, FetchError
from galspec_core.files import replace
from galspec_core.log import Progress, logger
from galspec_core.sas import check_free_space
from galspec_core.spectra.reject import check_share, rejected_row
from galspec_core.spectra.shard import ROWS_PER_GROUP, native_row, native_rows, native_table, write_native
from galspec_core.spectra.surveys import SURVEYS

CHUNK = 64  # spectra that a kill can cost
CHUNKS = "*.arrow"  # files of a job that is not done: they are read once at most, so nothing is packed
TARGET = ("specobjid", "plate", "mjd", "fiberid", "run2d", "z")
NATIVE_BYTES = 60_000  # a spectrum on native pixels in Parquet, at most


def read_targets(path):
    """Return the rows of one shard's list as dicts: specobjid, plate, mjd, fiberid, run2d, z.

    Raises
    ------
    CatalogError
        A column is missing, or a specobjid stands twice.
    """
    kinds = {"specobjid": np.uint64, "run2d": str}
    frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values={"z": [""]})
    missing = [name for name in TARGET if name not in frame]
    if missing:
        raise CatalogError(f"lacks the columns {', '.join(missing)}", item=path, expected=", ".join(TARGET))
    twice = frame["specobjid"][frame["specobjid"].duplicated()]
    if len(twice):
        raise CatalogError(f"specobjid {twice.iloc[0]} stands twice", item=path, remedy="Draw the sample again")
    return frame.to_dict("records")


def fetch_shard(targets, root, config, partial, shard, max_rejected, floor, survey="sdss"):
    """Fetch and check every spectrum of a shard.

    Finished spectra are kept in the folder ``partial``, in files of CHUNK, until the whole shard is there; a job that
    was killed, or whose server went down, goes on behind them. Rejected ones are asked for again: a bad day of the
    server is not held against them.

    Parameters
    ----------
    targets : list of dict
        specobjid, plate, mjd, fiberid, run2d and z of each spectrum.
    root : SAS root
        As :func:`galspec_core.sas.open_root` gives it.
    config : FetchConfig
    partial : Path
    shard : str
        Its name, for messages.
    max_rejected, floor : float, int
        Share and number of spectra that may be rejected.
    survey : str
        A name of SURVEYS: how its files are laid out and read.

    Returns
    -------
    native, rejected : list of dict
        Native rows in any order, and the rejected rows.

    Raises
    ------
    TooManyRejected
        If more than the configured share cannot be had.
    FetchError
        If the server cannot be reached at all, or the disk is full.
    """
    partial = Path(partial)
    partial.mkdir(parents=True, exist_ok=True)
    kept, rejected = _read_chunks(partial, {target["specobjid"] for target in targets}), []
    done = {row["specobjid"] for row in kept}
    waiting = [target for target in targets if target["specobjid"] not in done]
    check_free_space(partial, NATIVE_BYTES * 2 * len(waiting))
    if done:
        logger.info("going on behind %d spectra of an earlier job", len(done))
    progress = Progress(f"spectra: fetch {shard}", len(targets), done=len(done))
    for rows, more in _fetch_chunks(SURVEYS[survey](waiting, root, config, partial), progress):
        _write_chunk(partial, len(list(partial.glob(CHUNKS))), rows)
        kept += rows
        rejected += more
    check_share(rejected, len(targets), max_rejected, floor, shard)
    return kept, rejected


def _fetch_chunks(spectra, progress):
    """Yield (native rows, rejected rows) for every CHUNK of (target, spectrum or error), also before a server that went down."""
    rows, rejected = [], []
    try:
        for target, spectrum in spectra:
            if isinstance(spectrum, Exception):
                rejected.append(rejected_row(target, "fetch", spectrum))
            else:
                rows.append(native_row(target, spectrum))
            progress.add(note=f"{len(rejected)} rejected of these" if rejected else "")
            if len(rows) + len(rejected) >= CHUNK:
                yield rows, rejected
                rows, rejected = [], []
    except FetchError:
        yield rows, rejected
        raise
    yield rows, rejected


def _write_chunk(partial, number, rows):
    if rows:
        with replace(partial / CHUNKS.replace("*", f"{number:05d}")) as temporary:
            feather.write_feather(native_table(rows), temporary, compression="uncompressed")


def _read_chunks(partial, wanted):
    """Return the native rows that an earlier job left, of the spectra that are ``wanted``."""
    tables = (feather.read_table(path, memory_map=False) for path in sorted(partial.glob(CHUNKS)))
    rows = (row for table in tables for batch in table.to_batches() for row in native_rows(batch))
    return [row for row in rows if row["specobjid"] in wanted]


def write_shard(path, native, targets):
    """Write native rows as one shard in the order of ``targets``, a row group at a time."""
    place = {target["specobjid"]: i for i, target in enumerate(targets)}
    rows = sorted(native, key=lambda row: place[row["specobjid"]])
    groups = range(0, max(len(rows), 1), ROWS_PER_GROUP)
    write_native(path, (native_table(rows[i : i + ROWS_PER_GROUP]) for i in groups))


def forget_partial(partial):
    """Remove what a finished shard no longer needs."""
    shutil.rmtree(partial, ignore_errors=True)
