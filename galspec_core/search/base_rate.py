"""Precision at a survey's base rate: thresholds from the test targets, false positives counted among query spectra."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from galspec_core.search.metrics import interval

COLUMNS = [
    "task", "method", "base_rate", "threshold", "recall", "recall_lo", "recall_hi", "false_positive_rate",
    "false_positive_rate_hi", "n_targets", "n_negatives", "n_false", "precision", "precision_lo", "precision_hi",
    "precision_text", "looks_per_find", "note",
]  # fmt: skip
CONFIDENCE = 0.95


def threshold_at(scores, recall):
    """Return the highest threshold at or above which at least the share ``recall`` of ``scores`` [n] lies."""
    falling = np.sort(np.asarray(scores, dtype="f8"))[::-1]
    needed = max(int(np.ceil(recall * len(falling) - 1e-9)), 1)
    return float(falling[needed - 1])


def precision_at(recall, false_positive_rate, base_rate):
    """Return the share of true targets among what is named, NaN where nothing is."""
    found, wrong = recall * base_rate, false_positive_rate * (1 - base_rate)
    return found / (found + wrong) if found + wrong > 0 else np.nan


def rate_limits(n_false, n):
    """Return the one-sided 95 % limits (low, high) of ``n_false`` in ``n`` (Clopper & Pearson 1934)."""
    low = binomtest(n_false, n, alternative="greater").proportion_ci(CONFIDENCE, method="exact").low
    high = binomtest(n_false, n, alternative="less").proportion_ci(CONFIDENCE, method="exact").high
    return float(low), float(high)


def precision_words(value, low, high, n_negatives, n_false, min_negatives):
    """Return (text, note): a number only where enough negatives were asked and some were named by mistake."""
    if n_false == 0:
        return f"> {low:.2g}", f"no false positive among {n_negatives:,} negatives: a lower limit"
    if n_negatives < min_negatives:
        return f"< {high:.2g}", f"{n_negatives:,} negatives are fewer than {min_negatives:,}: an upper limit"
    return f"{value:.2g}", ""


def score_base_rate(targets, positions, negatives, recalls, settings, seed=0):
    """Return one row (dict, COLUMNS without task and method) for each wanted recall.

    Recall is that of the targets that set the threshold. The interval of precision joins the bootstrap interval of recall
    with the one-sided binomial limits of the false-positive rate.

    Parameters
    ----------
    targets, positions : ndarray[n]
        Score and sky position of the test targets.
    negatives : ndarray[m]
        Scores of the query spectra.
    recalls : list of float
    settings : dict
        base_rate, min_negatives, bootstrap.
    seed : int
        Seed of the redraws.
    """
    return [_row(wanted, targets, positions, np.asarray(negatives), settings, seed) for wanted in recalls]


def _row(wanted, targets, positions, negatives, settings, seed):
    threshold = threshold_at(targets, wanted)
    named = np.asarray(targets) >= threshold
    n, n_false = len(negatives), int((negatives >= threshold).sum())
    recall, base = float(named.mean()), settings["base_rate"]
    recall_lo, recall_hi = interval(_redraw(named, positions, settings["bootstrap"], np.random.default_rng(seed)))
    rate_lo, rate_hi = rate_limits(n_false, n)
    value = precision_at(recall, n_false / n, base)
    low, high = precision_at(recall_lo, rate_hi, base), precision_at(recall_hi, rate_lo, base)
    text, note = precision_words(value, low, high, n, n_false, settings["min_negatives"])
    return {
        "base_rate": base, "threshold": threshold, "recall": recall, "recall_lo": recall_lo, "recall_hi": recall_hi,
        "false_positive_rate": n_false / n, "false_positive_rate_hi": rate_hi, "n_targets": len(named), "n_negatives": n,
        "n_false": n_false, "precision": value if not text.startswith((">", "<")) else np.nan, "precision_lo": low,
        "precision_hi": high, "precision_text": text, "looks_per_find": _looks(text, value, low, high), "note": note,
    }  # fmt: skip


def _looks(text, value, low, high):
    """Return how many spectra a person must look at for one find; a limit where precision is one."""
    sign, precision = {">": ("< ", low), "<": ("> ", high)}.get(text[0], ("", value))
    return f"{sign}{1 / precision:.3g}" if precision > 0 else "not limited"


def _redraw(named, positions, n, rng):
    """Return the recall of ``n`` redraws [n] of sky positions with all their spectra."""
    places = np.unique(positions, return_inverse=True)[1]
    hits, sizes = np.bincount(places, named.astype("f8")), np.bincount(places)
    drawn = rng.integers(len(sizes), size=(n, len(sizes)))
    return hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)


def base_rate_table(votes, queries, manifest, seed, recalls, settings):
    """Return the table of all tasks: COLUMNS, one row a task, method and wanted recall.

    Parameters
    ----------
    votes, queries : dict
        {task: DataFrame}: the test votes of all seeds, and the query votes (method, score).
    manifest : DataFrame
        specobjid, position.
    """
    position = manifest.set_index("specobjid")["position"]
    rows = []
    for task, asked in queries.items():
        tested = votes[task][(votes[task]["seed"] == seed) & (votes[task]["label"] != "other")]
        for method, negatives in asked.groupby("method", sort=False):
            mine = tested[tested["method"] == method]
            if len(mine):
                places = position.loc[mine["specobjid"]].to_numpy()
                scored = score_base_rate(
                    mine["score"].to_numpy(), places, negatives["score"].to_numpy(), recalls, settings, seed
                )
                rows += [{"task": task, "method": method, **row} for row in scored]
    return pd.DataFrame(rows, columns=COLUMNS)


def without_targets(queries, truth, target):
    """Return query votes less the spectra that ``truth`` (DataFrame: specobjid, kind) calls ``target``, all without truth."""
    if truth is None:
        return queries
    return queries[~queries["specobjid"].isin(truth.loc[truth["kind"] == target, "specobjid"])]
