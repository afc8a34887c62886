"""Metrics: precision, recall, F1 and rank measures over seeds, intervals by bootstrap over sky positions.

Conventions. A classifier that never names a class has precision 0, not an undefined one. Without a single true member
in a test set, recall, F1, average precision and ROC AUC are NaN there and that seed is left out of the mean; ROC AUC is
NaN too where everything is a member. ``notes`` says when any of this happened.
"""

from dataclasses import dataclass

import numpy as np

PERCENTILES = (2.5, 97.5)  # of a 95 % interval
FACTORS = np.geomspace(0.4, 2.5, 11)  # by which the share of one class may be multiplied (our choice)
REDRAWS_AT_ONCE = 50  # bootstrap redraws held at once


@dataclass(frozen=True)
class Counts:
    """Correct, wrongly named and missed spectra, an array of one shape each: [S, C, G] seeds, classes, positions."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray

    def total(self):
        """Return the counts summed over positions: [S, C]."""
        return Counts(*(array.sum(axis=-1) for array in (self.tp, self.fp, self.fn)))


def precision(counts):
    """Return tp / (tp + fp), 0 where nothing was named."""
    return _ratio(counts.tp, counts.tp + counts.fp, 0.0)


def recall(counts):
    """Return tp / (tp + fn), NaN where there is no member."""
    return _ratio(counts.tp, counts.tp + counts.fn, np.nan)


def f1(counts):
    """Return 2 tp / (2 tp + fp + fn), NaN where there is no member."""
    value = _ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn, np.nan)
    return np.where(counts.tp + counts.fn > 0, value, np.nan)


def accuracy(counts, n):
    """Return the share of ``n`` spectra put on the right side of one class against the rest (paper, section 4.1)."""
    return 1 - _ratio(counts.fp + counts.fn, np.broadcast_to(n, np.shape(counts.fp)), np.nan)


def _ratio(above, below, otherwise):
    out = np.full(np.shape(above), otherwise, dtype="f8")
    return np.divide(above, below, out=out, where=np.asarray(below) > 0)


def count(label, predicted, seed, position, names):
    """Return the Counts [S, C, G] of classes ``names`` [C], seeds and positions in ascending order.

    Parameters
    ----------
    label, predicted, seed, position : ndarray[n]
        One row a spectrum and seed.
    """
    seeds, s = np.unique(seed, return_inverse=True)
    places, g = np.unique(position, return_inverse=True)
    counts = np.zeros((3, len(seeds), len(names), len(places)), dtype="f8")
    for c, name in enumerate(names):
        true, named = label == name, predicted == name
        for kind, rows in enumerate((true & named, ~true & named, true & ~named)):
            np.add.at(counts[kind, :, c], (s[rows], g[rows]), 1)
    return Counts(*counts)


def bootstrap_f1(counts, n, rng):
    """Return F1 of ``n`` redraws [n, C], each the mean over seeds, from Counts [S, C, G].

    A redraw takes G positions with replacement, the same ones for all seeds, with all their spectra: what a seed's test
    sets have in common moves together, and repeats of one galaxy never count as independent.
    """
    n_places = counts.tp.shape[-1]
    parts = []
    for start in range(0, n, REDRAWS_AT_ONCE):
        size = min(REDRAWS_AT_ONCE, n - start)
        drawn = rng.integers(n_places, size=(size, n_places)) + n_places * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * n_places).reshape(size, n_places).astype("f8")
        redrawn = Counts(*(array @ times.T for array in (counts.tp, counts.fp, counts.fn)))  # [S, C, size]
        parts.append(mean(f1(redrawn), axis=0).T)
    return np.concatenate(parts)


def interval(redraws):
    """Return the 95 % interval (low, high) of redraws [n, ...] by percentiles, redraws without a member left out."""
    good = redraws[np.isfinite(redraws)]
    return tuple(np.percentile(good, PERCENTILES)) if len(good) else (np.nan, np.nan)


def mean(values, axis=None):
    """Return the mean of what is not NaN, NaN where nothing is."""
    values = np.asarray(values, dtype="f8")
    good = np.isfinite(values)
    return _ratio(np.where(good, values, 0).sum(axis=axis), good.sum(axis=axis), np.nan)[()]


def std(values):
    """Return the sample standard deviation (n - 1) of what is not NaN, NaN for fewer than two."""
    good = np.asarray(values, dtype="f8")
    good = good[np.isfinite(good)]
    return float(good.std(ddof=1)) if len(good) > 1 else np.nan


def rank_metrics(member, score):
    """Return (average precision, ROC AUC) of ``score`` [n] for ``member`` bool[n]; NaN where not defined."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    member = np.asarray(member, dtype=bool)
    ap = float(average_precision_score(member, score)) if member.any() else np.nan
    auc = float(roc_auc_score(member, score)) if member.any() and not member.all() else np.nan
    return ap, auc


def best_threshold(score, member):
    """Return the threshold on ``score`` [n] at and above which F1 for ``member`` bool[n] is largest, inf without members.

    Of equally good thresholds the highest is taken.
    """
    if not member.any():
        return np.inf
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    last = np.append(falling[1:] < falling[:-1], True)  # the last of equal scores: all of them are named or none
    named = np.arange(1, len(score) + 1)
    f1 = np.where(last, 2 * np.cumsum(member[order]) / (named + member.sum()), -1)
    return float(falling[f1.argmax()])


def best_factors(shares, codes):
    """Return the factor of each class [C] by which ``shares`` [n, C] name classes ``codes`` [n] with the largest macro F1.

    One class after the other, twice, takes the best of FACTORS; its square root is returned, half-way to no factor on a
    logarithmic scale, since a rare class has few entries to choose by (our choice).
    """
    factors = np.ones(shares.shape[1])
    for c in 2 * [*range(len(factors))]:
        trials = [np.where(np.arange(len(factors)) == c, value, factors) for value in (factors[c], *FACTORS)]
        factors = max(trials, key=lambda trial: _macro_f1((shares * trial).argmax(axis=1), codes, len(factors)))
    return np.sqrt(factors)


def _macro_f1(predicted, codes, n_classes):
    """Return the mean F1 over the classes that ``codes`` holds."""
    right, named, true = (np.bincount(c, minlength=n_classes) for c in (codes[predicted == codes], predicted, codes))
    return float((2 * right[true > 0] / (named + true)[true > 0]).mean())


def score_target(votes, position, n_bootstrap, seed, other="other"):
    """Return the metrics of one task and method as a dict: table 4's columns, notes as a list.

    Means and sample standard deviations are over seeds. n_test, n_target and n_positions count distinct spectra and
    positions over all seeds together: what the interval rests on.

    Parameters
    ----------
    votes : DataFrame
        One method: specobjid, seed, label, predicted, score; ``other`` is the label of what is not the target.
    position : ndarray[n] uint64
        Sky position of each row of ``votes``.
    n_bootstrap : int
        Redraws behind f1_lo and f1_hi.
    seed : int
        Seed of the redraws.
    """
    member, named = (votes[key].to_numpy() != other for key in ("label", "predicted"))
    seeds = votes["seed"].to_numpy()
    counts = count(member, named, seeds, position, [True])
    total = counts.total()
    values = {key: function(total)[:, 0] for key, function in METRICS.items()}
    ranks = [rank_metrics(member[seeds == s], votes["score"].to_numpy()[seeds == s]) for s in np.unique(seeds)]
    low, high = interval(bootstrap_f1(counts, n_bootstrap, np.random.default_rng(seed))[:, 0])
    ids = votes["specobjid"].to_numpy()
    return {
        **{key: mean(value) for key, value in values.items()},
        **{f"{key}_std": std(value) for key, value in values.items()},
        "f1_lo": low,
        "f1_hi": high,
        "average_precision": mean([ap for ap, _ in ranks]),
        "roc_auc": mean([auc for _, auc in ranks]),
        "n_test": len(np.unique(ids)),
        "n_target": len(np.unique(ids[member])),
        "n_positions": len(np.unique(position)),
        "n_target_positions": len(np.unique(position[member])),
        "n_seeds": len(np.unique(seeds)),
        "notes": _notes(total, ranks),
    }


METRICS = {"precision": precision, "recall": recall, "f1": f1}


def _notes(total, ranks):
    """Return what a reader must know of the numbers of one method."""
    tp, fp, fn = total.tp[:, 0], total.fp[:, 0], total.fn[:, 0]
    cases = {
        "nothing predicted as target, precision set to 0": (tp + fp == 0).sum(),
        "no target in the test set, left out of the means": (tp + fn == 0).sum(),
        "one class only in the test set, no ROC AUC": sum(auc != auc for _, auc in ranks),
    }
    return [f"{text}, in {n} of {len(ranks)} seeds" for text, n in cases.items() if n]


def score_classes(votes, position, n_bootstrap, seed):
    """Return the metrics of one vote over classes: {class: dict}, ``macro`` last, the mean over classes.

    Every class that is a label or a prediction has an entry; macro is over those with members.
    """
    label, predicted = votes["label"].to_numpy(), votes["predicted"].to_numpy()
    names = sorted(set(label) | set(predicted))
    counts = count(label, predicted, votes["seed"].to_numpy(), position, names)
    total, ids = counts.total(), votes["specobjid"].to_numpy()
    n_each = np.unique(votes["seed"], return_counts=True)[1][:, None]
    values = {key: function(total) for key, function in METRICS.items()} | {"accuracy": accuracy(total, n_each)}
    redraws = bootstrap_f1(counts, n_bootstrap, np.random.default_rng(seed))
    has = np.isin(names, label)
    columns = {name: np.arange(len(names)) == c for c, name in enumerate(names)} | {"macro": has}
    rows = {}
    for name, own in columns.items():
        rows[name] = _class_row({k: mean(v[:, own], axis=1) for k, v in values.items()}, mean(redraws[:, own], axis=1))
    for name, row in rows.items():
        mine = (label == name) | (name == "macro")
        row |= {"n": len(np.unique(ids[mine])), "n_positions": len(np.unique(position[mine]))}
    return rows


def _class_row(values, redraws):
    low, high = interval(redraws)
    row = {key: mean(value) for key, value in values.items()}
    return row | {f"{key}_std": std(value) for key, value in values.items()} | {"f1_lo": low, "f1_hi": high}
