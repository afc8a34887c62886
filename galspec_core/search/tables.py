"""Tables: the search for targets beside the published values (table 4), and all labels in one vote."""

import numpy as np
import pandas as pd

from galspec_core.catalogs.ids import look_up
from galspec_core.errors import SearchError
from galspec_core.search.metrics import score_classes, score_target

TABLE4 = [
    "task", "method", "precision", "recall", "f1", "precision_std", "recall_std", "f1_std", "f1_lo", "f1_hi",
    "average_precision", "roc_auc", "n_test", "n_target", "n_positions", "n_seeds", "note",
]  # fmt: skip
CLASSES = ["method", "class", "precision", "recall", "f1", "f1_lo", "f1_hi", "n", "n_positions"]
WHOLE = ["n_test", "n_target", "n_positions", "n_seeds"]
PUBLISHED = {  # precision, recall, F1 (paper, table 4)
    "liner": (0.8727, 0.9460, 0.9079),
    "lens": (0.9937, 0.9476, 0.9701),
    "outlier": (0.9847, 0.8377, 0.9053),
}
PUBLISHED_NOTE = "the paper's own survey and sample, not comparable"


def table4(votes, manifest, notes=None, n_bootstrap=1000, seed=0):
    """Return table 4: for each task every method of its votes, then the published values where the paper has them.

    Parameters
    ----------
    votes : dict
        {task: DataFrame of votes}.
    manifest : DataFrame
        specobjid and position of every spectrum that was voted on.
    notes : dict, optional
        {method: how its encoder differs from the paper's, or None}.
    n_bootstrap, seed : int
        Redraws of positions behind each interval, and their seed.

    Raises
    ------
    SearchError
        A spectrum of the votes is not in the manifest.
    """
    rows = []
    for task, frame in votes.items():
        for method, part in _by_method(frame):
            scores = score_target(part, positions_of(part, manifest), n_bootstrap, seed)
            said = [(notes or {}).get(method), *scores.pop("notes")]
            rows.append({"task": task, "method": method, **scores, "note": "; ".join(text for text in said if text)})
        if task in PUBLISHED:
            rows.append({"task": task, **published_row(task)})
    return pd.DataFrame(rows, columns=TABLE4).astype(dict.fromkeys(WHOLE, "Int64"))


def published_row(task):
    """Return the paper's row of a task: precision, recall and F1, nothing else."""
    values = dict(zip(("precision", "recall", "f1"), PUBLISHED[task], strict=True))
    return {"method": "published", **values, "note": PUBLISHED_NOTE}


def classes_table(votes, manifest, n_bootstrap=1000, seed=0):
    """Return precision, recall and F1 of every class of one vote, and their mean as class ``macro``, per method.

    n and n_positions count distinct spectra and positions of a class over all seeds.
    """
    rows = []
    for method, part in _by_method(votes):
        scores = score_classes(part, positions_of(part, manifest), n_bootstrap, seed)
        rows += [{"method": method, "class": name, **values} for name, values in scores.items()]
    return pd.DataFrame(rows, columns=CLASSES)


def positions_of(votes, manifest):
    """Return the sky position [n] uint64 of each row of ``votes``; raise SearchError if the manifest lacks one."""
    rows = look_up(votes["specobjid"].to_numpy(), manifest["specobjid"].to_numpy())
    if (rows < 0).any():
        raise SearchError("stands in no manifest", item=f"specobjid {votes['specobjid'].to_numpy()[rows < 0][0]}")
    return np.asarray(manifest["position"].to_numpy()[rows], dtype="u8")


def _by_method(votes):
    """Return (method, its votes) in the order in which methods first appear."""
    return [(method, part) for method, part in votes.groupby("method", sort=False)]
