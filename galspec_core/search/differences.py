"""Differences: one method against every other on the same spectra, with intervals from the same redraws of sky positions."""

import numpy as np
import pandas as pd

from galspec_core.errors import SearchError
from galspec_core.search.metrics import bootstrap_f1, count, f1, interval, mean
from galspec_core.search.tables import positions_of, too_few
from galspec_core.search.vote import OTHER

COLUMNS = [
    "task", "class", "method", "f1", "other", "other_f1", "difference", "difference_lo", "difference_hi",
    "error_removed", "n", "n_positions", "note",
]  # fmt: skip
MACRO = "macro"


def compare(votes, manifest, method, n_bootstrap=1000, seed=0):
    """Return a table with ``method`` against every other: F1 of each target, and of each class and ``macro``.

    Parameters
    ----------
    votes : dict
        {task: DataFrame of votes}; only spectra and seeds that both methods voted on are compared.
    manifest : DataFrame
        specobjid and position of every spectrum.
    method : str
    n_bootstrap, seed : int
        Redraws of positions, the same for both methods, and their seed.

    Returns
    -------
    DataFrame
        With COLUMNS. ``error_removed`` is the share of the other's error (1 - F1) that is gone; ``n`` and ``n_positions``
        count the members of a class, all spectra for ``macro``.

    Raises
    ------
    SearchError
        The method has no votes on a task.
    """
    rows = []
    for task, frame in votes.items():
        own = frame[frame["method"] == method]
        if not len(own):
            found = sorted(frame["method"].unique())
            remedy = "Name one of these in search.compared"
            raise SearchError(
                "there are no votes to compare with", item=task, expected=method, got=found, remedy=remedy
            )
        for other, part in frame[frame["method"] != method].groupby("method", sort=False):
            pair = own.merge(part, on=["specobjid", "seed"], suffixes=("", "_other"), validate="one_to_one")
            rows += [
                {"task": task, "method": method, "other": other, **row}
                for row in _rows(pair, manifest, n_bootstrap, seed)
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(pair, manifest, n_bootstrap, seed):
    """Yield one row a class of a pair of methods; ``macro`` last where there are several."""
    label, position = pair["label"].to_numpy(), positions_of(pair, manifest)
    names = [name for name in sorted(set(label)) if name != OTHER]
    both = [
        count(label, pair[key].to_numpy(), pair["seed"].to_numpy(), position, names)
        for key in ("predicted", "predicted_other")
    ]
    values = [f1(counts.total()) for counts in both]  # [S, C]
    redraws = [bootstrap_f1(counts, n_bootstrap, np.random.default_rng(seed)) for counts in both]  # [n, C]
    columns = {name: np.arange(len(names)) == c for c, name in enumerate(names)}
    if len(names) > 1:
        columns[MACRO] = np.ones(len(names), dtype=bool)
    for name, own in columns.items():
        ours, theirs = (mean(mean(value[:, own], axis=1)) for value in values)
        low, high = interval(mean(redraws[0][:, own], axis=1) - mean(redraws[1][:, own], axis=1))
        member = (label == name) | (name == MACRO)
        places = len(np.unique(position[member]))
        yield {
            "class": name,
            "f1": ours,
            "other_f1": theirs,
            "difference": ours - theirs,
            "difference_lo": low,
            "difference_hi": high,
            "error_removed": (ours - theirs) / (1 - theirs) if theirs < 1 else np.nan,
            "n": pair["specobjid"][member].nunique(),
            "n_positions": places,
            "note": too_few(places),
        }
