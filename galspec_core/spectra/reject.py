"""Rejected spectra: no spectrum vanishes, each leaves a row that says why."""

import csv
from collections import Counter

import numpy as np

from galspec_core.errors import CatalogError, TooManyRejected
from galspec_core.files import replace

COLUMNS = ["specobjid", "plate", "mjd", "fiberid", "stage", "reason", "detail"]


def rejected_row(target, stage, error):
    """Return the row of one rejected spectrum; ``error`` has a ``reason`` and says the rest."""
    identifiers = {key: target[key] for key in COLUMNS[:4]}
    return identifiers | dict(stage=stage, reason=error.reason, detail=str(error))


def rejected_frame(rows):
    """Return rejected rows as a table with COLUMNS; specobjid stays uint64."""
    import pandas as pd  # here: importing it takes as long as gridding hundreds of spectra

    return pd.DataFrame(rows, columns=COLUMNS).astype({"specobjid": "uint64"})


def write_rejected(path, rows):
    """Write rejected rows as CSV, header alone where there are none."""
    with replace(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rejected(paths):
    """Return the rejected rows of several files in one table."""
    import pandas as pd

    frames = [pd.read_csv(path, dtype={"specobjid": np.uint64}) for path in paths]
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else rejected_frame([])


def check_share(rejected, total, most, floor, shard):
    """Raise TooManyRejected if more than ``most`` (a share) of ``total`` and more than ``floor`` were rejected."""
    if len(rejected) <= max(most * total, floor):
        return
    counts = Counter(row["reason"] for row in rejected)
    listed = ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
    example = rejected[0]["detail"]
    raise TooManyRejected(
        f"{len(rejected)} of {total} spectra were rejected: {listed}",
        item=f"shard {shard}",
        expected=f"at most {most:.0%} (spectra.max_rejected)",
        remedy=f"The first one: {example}",
    )


def check_complete(wanted, fetched, rejected):
    """Raise CatalogError unless every spectrum of the sample was fetched or rejected.

    Fetched spectra are never fetched again on their own: a sample drawn anew meets the files of the old one.

    Parameters
    ----------
    wanted : uint64[n]
        specobjid of the manifest.
    fetched : iterable of uint64 arrays
        Those of each native shard.
    rejected : DataFrame
        With specobjid.
    """
    known = np.concatenate([*fetched, rejected["specobjid"].to_numpy(dtype="u8")])
    lost = np.setdiff1d(np.asarray(wanted, dtype="u8"), known)
    if len(lost):
        raise CatalogError(
            f"{len(lost):,} spectra of the sample were neither fetched nor rejected: data/spectra holds another sample",
            item="results/catalogs/manifest.parquet",
            got=f"specobjid {lost[0]}, for one",
            remedy="Run another sample in another --directory, or remove data/spectra to fetch this one",
        )
