"""Tables: the search for targets beside the published values (table 4), and all labels in one vote."""

import numpy as np
import pandas as pd

from galspec_core.catalogs.ids import look_up
from galspec_core.search.complaints import not_in_manifest
from galspec_core.search.metrics import score_classes, score_target

TABLE4 = [
    "task", "method", "precision", "recall", "f1", "precision_std", "recall_std", "f1_std", "f1_lo", "f1_hi",
    "average_precision", "roc_auc", "n_test", "n_target", "n_positions", "n_seeds", "note",
]  # fmt: skip
TABLE2 = [
    "method", "class", "accuracy", "precision", "recall", "f1",
    "accuracy_std", "precision_std", "recall_std", "f1_std", "f1_lo", "f1_hi", "n", "n_positions", "note",
]  # fmt: skip
CLASSES = ["method", "class", "precision", "recall", "f1", "f1_lo", "f1_hi", "n", "n_positions", "note"]
FEWEST = 30  # sky positions of a class below which its numbers say little (our choice)
COMMON = ["specobjid", "method", "seed", "label", "predicted", "score"]  # what scoring reads of votes
WHOLE = ["n_test", "n_target", "n_positions", "n_seeds"]
PUBLISHED = {  # precision, recall, F1 (paper, table 4)
    "liner": (0.8727, 0.9460, 0.9079),
    "lens": (0.9937, 0.9476, 0.9701),
    "outlier": (0.9847, 0.8377, 0.9053),
}
TOO_FEW = "too few"
NUISANCE = "nuisance"  # the method that sees no flux
LEARNT_NOTHING = 0.02  # F1: a method that is not further above the nuisance row has learnt nothing
LEARNT_NOTHING_NOTE = "within two points of nuisance: no more than redshift, S/N, coverage and instrument tell"
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
        own = []
        for method, part in _by_method(frame):
            scores = score_target(part, positions_of(part, manifest), n_bootstrap, seed)
            said = [(notes or {}).get(method), *scores.pop("notes"), too_few(scores.pop("n_target_positions"))]
            own.append({"task": task, "method": method, **scores, "note": _join(said)})
        rows += mark_nuisance(own)
        if task in PUBLISHED:
            rows.append({"task": task, **published_row(task)})
    return pd.DataFrame(rows, columns=TABLE4).astype(dict.fromkeys(WHOLE, "Int64"))


def table2(votes, manifest, notes=None, n_bootstrap=1000, seed=0):
    """Return table 2: accuracy, precision, recall and F1 of each class against the rest and ``macro``, per method.

    Arguments are those of ``table4``, ``votes`` those of one task.
    """
    macro, rows = [], []
    for method, part in _by_method(votes):
        scores = score_classes(part, positions_of(part, manifest), n_bootstrap, seed)
        own = [{"method": method, "class": name, "note": "", **values} for name, values in scores.items()]
        own[-1]["note"] = _join([(notes or {}).get(method)])
        macro.append(own[-1])
        rows += own
    mark_nuisance(macro)
    return pd.DataFrame(rows, columns=TABLE2)


def mark_nuisance(rows):
    """Say in the note of each of ``rows`` (dicts with method, f1, note) that it is no better than the nuisance row."""
    floor = [row["f1"] for row in rows if row["method"] == NUISANCE]
    for row in rows:
        if floor and row["method"] != NUISANCE and row["f1"] <= floor[0] + LEARNT_NOTHING:
            row["note"] = _join([row["note"], LEARNT_NOTHING_NOTE])
    return rows


def training_notes(notes, histories, steps):
    """Return ``notes`` with a word on every method whose training ended before its last step.

    Parameters
    ----------
    notes : dict
        {method: note or None}.
    histories : list of paths
        history.csv of every network behind a method, several where it was trained on several seeds.
    steps : list of (method, number of steps)
        Of each history.
    """
    notes = dict(notes)
    for path, (method, number) in zip(histories, steps, strict=True):
        last = int(pd.read_csv(path)["step"].iloc[-1])
        word = f"training stopped at step {last:,} of {number:,}"
        if last < number and word not in (notes.get(method) or ""):
            notes[method] = _join([notes.get(method), word])
    return notes


def too_few(n_positions):
    """Return the note of a class of ``n_positions`` sky positions: that they are too few, or nothing."""
    return f"{TOO_FEW}: {n_positions} positions" if n_positions < FEWEST else ""


def printed(table, columns):
    """Return ``columns`` of a table as text for people: three digits, nothing for NaN, and no F1 of a class that is too few."""
    counted = table.astype({name: "Int64" for name in WHOLE if name in table})
    shown = counted[columns].map(lambda value: f"{value:.3f}" if isinstance(value, float) else value)
    few = table["note"].fillna("").str.contains(TOO_FEW)
    measures = [name for name in ("precision", "recall", "f1", "f1_lo", "f1_hi", "roc_auc") if name in columns]
    shown.loc[few, measures] = TOO_FEW
    return shown.astype(object).where(table[columns].notna() | shown.eq(TOO_FEW), "")


def _join(notes):
    return "; ".join(text for text in notes if text)


def votes_of_task(task, path, systems=()):
    """Return the votes of the search's methods on a task, a file, and of ``systems``, files with a column task."""
    parts = [pd.read_parquet(path), *(pd.read_parquet(p, filters=[("task", "==", task)]) for p in systems)]
    return pd.concat([part[COMMON] for part in parts], ignore_index=True)


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
        rows += [
            {"method": method, "class": name, **values, "note": too_few(values["n_positions"])}
            for name, values in scores.items()
        ]
    return pd.DataFrame(rows, columns=CLASSES)


def positions_of(votes, manifest):
    """Return the sky position [n] uint64 of each row of ``votes``; raise SearchError if the manifest lacks one."""
    rows = look_up(votes["specobjid"].to_numpy(), manifest["specobjid"].to_numpy())
    if (rows < 0).any():
        raise not_in_manifest(votes["specobjid"].to_numpy()[rows < 0])
    return np.asarray(manifest["position"].to_numpy()[rows], dtype="u8")


def _by_method(votes):
    """Return (method, its votes) in the order in which methods first appear."""
    return [(method, part) for method, part in votes.groupby("method", sort=False)]
