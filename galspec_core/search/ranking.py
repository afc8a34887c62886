"""Ranking: how well a score puts targets above controls that are like them in redshift, S/N and instrument.

A test set of other classes flatters: a score that knows redshift and S/N alone tells many of them from the targets. So every
method is judged twice, against all other spectra of the test set (``paper``) and against those that could be mistaken for
the targets (``matched``). Where there are enough of the latter, each target gets its own; elsewhere each target hands the same
weight to the nearest few, so that the weighted negatives follow the targets' distribution, and Kish's effective number says
what that costs. Intervals are by bootstrap over sky positions, drawn once for all seeds, as in ``metrics``.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from galspec_core.catalogs.controls import UNITS, nearest_unused
from galspec_core.catalogs.ids import look_up
from galspec_core.search.complaints import not_in_manifest
from galspec_core.search.metrics import REDRAWS_AT_ONCE, interval, mean
from galspec_core.search.vote import OTHER

RATIOS = (1, 100)  # negatives a target; ``paper`` keeps as many as there are
RATES = {"recall_fp1": 0.01, "recall_fp01": 0.001}  # share of the negatives that may be named
MEASURES = ["roc_auc", "average_precision", *RATES, "f1"]
COLUMNS = [
    "task", "method", "mix", "ratio",
    *(f"{name}{end}" for name in MEASURES for end in ("", "_lo", "_hi")),
    "f1_floor", "n_target", "n_negative", "n_effective", "n_positions", "n_seeds", "note",
]  # fmt: skip
WHOLE = ["n_target", "n_negative", "n_positions", "n_seeds"]
AMPLE = 3  # candidates a wanted control from which each is used once (our choice)
NEAREST = (
    (20, 100),
    0.02,
)  # fewest and most negatives that share a target's weight, and their share of all (our choices)
BALANCED = 0.1  # standard deviations of the targets by which weighted controls may differ in the mean (Austin 2009)
NEEDED = ["z", "snr", "instrument", "position"]  # of the manifest
MANIFEST = ["specobjid", *NEEDED]
PAPER, MATCHED, QUERY = "paper", "matched", "query"


@dataclass(frozen=True)
class Ranked:
    """One method's spectra of one seed, and what each weighs: member, named bool[n], score, weight [n], position [n]."""

    member: np.ndarray
    named: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    position: np.ndarray

    def effective(self):
        """Return the effective number of negatives (Kish 1965): (Σ w)² / Σ w²."""
        weight = self.weight[~self.member]
        return weight.sum() ** 2 / (weight**2).sum() if weight.any() else 0.0


def ranking(votes, manifest, n_bootstrap=1000, seed=0, queries=None, notes=None):
    """Return a table with COLUMNS: how every method ranks the targets of every task, for each mix and ratio of negatives.

    Parameters
    ----------
    votes : dict
        {task: DataFrame with specobjid, method, seed, label, predicted, score}.
    manifest : DataFrame
        specobjid, z, snr (per pixel), instrument, position of every spectrum, those of ``queries`` too.
    n_bootstrap, seed : int
        Redraws of sky positions behind each interval, and their seed.
    queries : dict, optional
        {task: DataFrame like its votes}: more negatives, of any label. They are candidates for ``matched`` and stand alone as
        the mix ``query``; ``paper`` stays the test set.
    notes : dict, optional
        {method: a word on it}.

    Returns
    -------
    DataFrame
        Means over seeds. F1 is that of ``predicted`` at that ratio, ``f1_floor`` that of naming everything. Spectra and
        positions are counted over all seeds together; ``n_effective`` is a seed's, and a recall at a false-positive rate is
        left empty where it is below one over the rate.

    Raises
    ------
    SearchError
        A spectrum is not in the manifest.
    """
    rows = []
    for task, frame in votes.items():
        extra = (queries or {}).get(task, frame.iloc[:0]).assign(label=OTHER, extra=True)
        whole = pd.concat([frame.assign(extra=False), extra[extra["method"].isin(frame["method"])]], ignore_index=True)
        whole = with_facts(whole, manifest)
        for method, part in whole.groupby("method", sort=False):
            said = (notes or {}).get(method)
            rows += [{"task": task, "method": method, **row} for row in _rows(part, n_bootstrap, seed, said)]
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(WHOLE, "Int64"))


def with_facts(votes, manifest):
    """Return ``votes`` with the manifest's NEEDED columns."""
    rows = look_up(votes["specobjid"].to_numpy(), manifest["specobjid"].to_numpy())
    if (rows < 0).any():
        raise not_in_manifest(votes["specobjid"].to_numpy()[rows < 0])
    return votes.assign(**{name: manifest[name].to_numpy()[rows] for name in NEEDED})


def _rows(part, n_bootstrap, seed, said):
    """Yield one row for each mix and ratio of one method's votes; ``paper`` has the ratio of its test set alone."""
    shares = (part.loc[~part["extra"], "label"] != OTHER).groupby(part["seed"]).mean()
    there = round(float((1 / shares[shares > 0] - 1).mean()), 2) if (shares > 0).any() else 0.0
    mixes = [PAPER, MATCHED] + [QUERY] * bool(part["extra"].any())
    for mix in mixes:
        for ratio in (there,) if mix == PAPER else RATIOS:
            chosen = {s: weigh(one, mix, ratio) for s, one in part.groupby("seed")}
            row = _row(part, chosen, ratio, n_bootstrap, seed)
            yield {"mix": mix, "ratio": float(ratio), **row, "note": "; ".join(filter(None, [said, row["note"]]))}


def weigh(votes, mix, ratio):
    """Return the weight [n] of each row of one seed's ``votes``: 1 for targets, 0 for what is not in the mix.

    Negatives weigh ``ratio`` times the targets together; ``votes`` has label, extra and the manifest's NEEDED columns.
    """
    member, extra = (votes["label"] != OTHER).to_numpy(), votes["extra"].to_numpy()
    pool = {PAPER: ~member & ~extra, MATCHED: ~member, QUERY: extra}[mix]
    weight = pool.astype("f8")
    if mix == MATCHED:
        weight[:] = 0
        weight[pool] = match(votes[member], votes[pool], ratio)
    weight *= ratio * member.sum() / max(weight.sum(), 1e-300)
    return np.where(member, 1.0, weight)


def match(targets, pool, ratio):
    """Return the weight [P] of each row of ``pool`` as a control of ``targets``: DataFrames with z, snr, instrument.

    1 for ``ratio`` controls a target, each used once, where the pool has AMPLE times as many; else each target shares a
    weight of 1 among its nearest of the same instrument (see NEAREST).
    """
    weight, ample = np.zeros(len(pool)), len(pool) >= AMPLE * ratio * len(targets)
    here, there = _features(pool), _features(targets)
    (fewest, most), share = NEAREST
    for instrument in np.unique(targets["instrument"]):
        rows = np.flatnonzero(pool["instrument"] == instrument)
        own = there[(targets["instrument"] == instrument).to_numpy()]
        if not len(rows):
            continue
        if ample:
            chosen = nearest_unused(own, here[rows], ratio)
            weight[rows[chosen[chosen >= 0]]] = 1
            continue
        k = min(len(rows), int(np.clip(share * len(rows), fewest, most)))
        near = cKDTree(here[rows]).query(own, k=[*range(1, k + 1)])[1]
        np.add.at(weight, rows[near.ravel()], 1 / k)
    return weight


def _features(frame):
    """Return z and log10 S/N [n, 2] in units of what counts as one step away (see catalogs.controls)."""
    return np.column_stack([measure(frame) / unit for unit, measure in UNITS.values()])


def imbalance(votes, weight):
    """Return how far the weighted negatives are off the targets in mean z or log S/N, the worse, in their spread (a step at least)."""
    member, features = (votes["label"] != OTHER).to_numpy(), _features(votes)
    if not member.any() or not weight[~member].any():
        return np.nan
    away = np.average(features[~member], axis=0, weights=weight[~member]) - features[member].mean(axis=0)
    return float((np.abs(away) / np.maximum(features[member].std(axis=0), 1)).max())


def _row(part, weights, ratio, n_bootstrap, seed):
    """Return measures, intervals, counts and note of one method, mix and ratio; ``weights`` {seed: [n]}."""
    sets, n_places = ranked_sets(part, weights)
    redraws = bootstrap(sets, n_places, ratio, n_bootstrap, np.random.default_rng(seed))
    values = means(sets, ratio)
    effective = mean([one.effective() for one in sets])
    used = pd.concat([own[weights[s] > 0] for s, own in part.groupby("seed")])
    uneven = [imbalance(own, weights[s]) for s, own in part.groupby("seed")]
    said = [] if effective else ["no negative of the targets' instrument"]
    row = {"f1_floor": 2 / (2 + ratio), **_counts(used), "n_effective": round(effective, 1)}
    for name in MEASURES:
        low, high = interval(redraws[name])
        found = resolved(effective, RATES.get(name))
        three = (values[name], low, high) if found else [np.nan] * 3
        row |= dict(zip((name, f"{name}_lo", f"{name}_hi"), three, strict=True))
        said += [] if found else [f"{name}: fewer than {1 / RATES[name]:.0f} negatives ({effective:.0f})"]
    if mean(uneven) > BALANCED and (part["label"] != OTHER).any():
        said.append(f"negatives differ in z or S/N by {mean(uneven):.2f} standard deviations")
    return row | {"note": "; ".join(said)}


def ranked_sets(part, weights):
    """Return a Ranked for each seed of one method's votes without what weighs 0, and the number of positions of them all."""
    places, position = np.unique(part["position"].to_numpy(), return_inverse=True)
    seeds, sets = part["seed"].to_numpy(), []
    for s, weight in weights.items():
        own, keep = part[seeds == s], weight > 0
        member, named = ((own[key] != OTHER).to_numpy() for key in ("label", "predicted"))
        columns = member, named, own["score"].to_numpy("f8"), weight, position[seeds == s]
        sets.append(Ranked(*(column[keep] for column in columns)))
    return sets, len(places)


def means(sets, ratio):
    """Return {measure: mean over the Ranked of each seed}."""
    found = [measures(one, one.weight[None], ratio) for one in sets]
    return {name: mean([one[name][0] for one in found]) for name in MEASURES}


def resolved(effective, rate):
    """Return whether ``effective`` negatives tell a false-positive rate, None where none is asked."""
    return rate is None or effective >= 1 / rate


def _counts(used):
    member = used["label"] != OTHER
    ids = used["specobjid"]
    return {
        "n_target": ids[member].nunique(),
        "n_negative": ids[~member].nunique(),
        "n_positions": used["position"].nunique(),
        "n_seeds": used["seed"].nunique(),
    }


def bootstrap(sets, n_places, ratio, n, rng):
    """Return {measure: [n]} of redraws of ``n_places`` positions, each the mean over ``sets``, a Ranked for each seed."""
    found = {name: [] for name in MEASURES}
    for start in range(0, n, REDRAWS_AT_ONCE):
        size = min(REDRAWS_AT_ONCE, n - start)
        drawn = rng.integers(n_places, size=(size, n_places)) + n_places * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * n_places).reshape(size, n_places)
        parts = [measures(one, one.weight * times[:, one.position], ratio) for one in sets]
        for name in MEASURES:
            found[name].append(mean([part[name] for part in parts], axis=0))
    return {name: np.concatenate(values) if values else np.empty(0) for name, values in found.items()}


def measures(ranked, weight, ratio):
    """Return {measure: [R]} of one seed for each row of ``weight`` [R, n], NaN without a target or a negative.

    Equal scores are named together or not at all. Whatever the weights, negatives stand to targets as ``ratio`` to 1.
    """
    if not len(ranked.score):
        return {name: np.full(len(weight), np.nan) for name in MEASURES}
    order = np.argsort(-ranked.score, kind="stable")
    score, member = ranked.score[order], ranked.member[order]
    last = np.flatnonzero(np.append(score[1:] < score[:-1], True))
    weight = weight[:, order]
    with np.errstate(invalid="ignore", divide="ignore"):
        true, false = (_shares(np.where(kind, weight, 0), last) for kind in (member, ~member))  # [R, T]
        step = np.diff(true, axis=1, prepend=0)
        precision = true / np.maximum(true + ratio * false, 1e-300)
        width = np.diff(false, axis=1, prepend=0)
        found = {
            "roc_auc": (width * (true - step / 2)).sum(axis=1),
            "average_precision": (step * precision).sum(axis=1),
        }
        for name, rate in RATES.items():
            best = np.where(false <= rate + 1e-9, true, 0).max(axis=1, initial=0)
            found[name] = np.where(np.isfinite(found["roc_auc"]), best, np.nan)
        named = ranked.named[order]
        hit, wrong = ((weight * (kind & named)).sum(axis=1) / (weight * kind).sum(axis=1) for kind in (member, ~member))
        found["f1"] = 2 * hit / (1 + hit + ratio * wrong)
    return found


def _shares(weight, last):
    """Return which share of weight [R, n] stands at or above each of the places ``last`` [T]: [R, T], NaN without any."""
    total = np.cumsum(weight, axis=1)
    return total[:, last] / np.where(total[:, -1:] > 0, total[:, -1:], np.nan)
