"""Completeness: the share of targets found at a fixed false-positive rate, by the S/N of what was put into them."""

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import beta

from galspec_core.catalogs.ids import look_up
from galspec_core.search.ranking import MATCHED, PAPER, RATIOS, Ranked, resolved, weigh, with_facts
from galspec_core.search.vote import OTHER

RATE = 0.01  # share of the negatives that is named
COLUMNS = [
    "mix",
    "method",
    "low",
    "high",
    "injected_sn",
    "recall",
    "recall_lo",
    "recall_hi",
    "n",
    "n_positions",
    "note",
]


def completeness(votes, manifest, truth, methods, edges):
    """Return the recall of each method at a false-positive rate of RATE in bins of injected S/N: a table with COLUMNS.

    Parameters
    ----------
    votes : DataFrame
        One task: specobjid, method, seed, label, score.
    manifest : DataFrame
        specobjid, z, snr, instrument, position.
    truth : DataFrame
        specobjid and injected_sn of the targets; those that it does not have are left out.
    methods : list of str
        Those without votes are passed over.
    edges : list of float
        Of the bins, ascending; a target beyond the ends belongs to the first or last bin.

    Returns
    -------
    DataFrame
        A target counts by the share of its seeds that find it. Intervals are 95 % binomial ones (Jeffreys) for as many trials
        as a bin has sky positions. A mix that cannot resolve RATE has no recall.
    """
    known = truth[truth["injected_sn"] > 0]
    frame = with_facts(votes.assign(extra=False), manifest)
    rows = look_up(frame["specobjid"].to_numpy(), known["specobjid"].to_numpy())
    injected = np.where(rows >= 0, known["injected_sn"].to_numpy()[rows], np.nan) if len(known) else np.nan
    frame, found = frame.assign(injected_sn=injected), []
    for mix in (PAPER, MATCHED):
        for method in methods:
            part = frame[frame["method"] == method]
            detected = [detect(own, mix) for _, own in part.groupby("seed")]
            found += _bins(pd.concat(detected), edges, mix, method) if detected else []
    return pd.DataFrame(found, columns=COLUMNS)


def detect(votes, mix):
    """Return the targets of one seed's ``votes`` with ``found``: 1 above the threshold, NaN where RATE is not resolved."""
    weight, member = weigh(votes, mix, RATIOS[-1]), (votes["label"] != OTHER).to_numpy()
    score = votes["score"].to_numpy("f8")
    effective = Ranked(member, member, score, weight, score).effective()
    found = (score > threshold(score[~member], weight[~member], RATE)).astype("f8")
    return votes.assign(found=found if resolved(effective, RATE) else np.nan)[member]


def threshold(score, weight, rate):
    """Return the lowest score [n] of negatives above which at most ``rate`` of their ``weight`` [n] stands."""
    values, place = np.unique(score, return_inverse=True)
    each = np.bincount(place, weights=weight, minlength=len(values))
    above = each[::-1].cumsum()[::-1]  # at or above each value
    too_many = np.flatnonzero(above > (rate + 1e-9) * each.sum())
    return values[too_many[-1]] if len(too_many) else -np.inf


def _bins(targets, edges, mix, method):
    """Yield one row for each bin of injected S/N that has targets."""
    known = targets[targets["injected_sn"].notna()]
    number = np.digitize(known["injected_sn"], edges[1:-1])
    for i, (low, high) in enumerate(pairwise(edges)):
        each = known[number == i].groupby("specobjid").agg(
            found=("found", "mean"), position=("position", "first"), injected_sn=("injected_sn", "first")
        )  # fmt: skip
        if not len(each):
            continue
        places, recall = each["position"].nunique(), each["found"].mean()
        lo, hi = beta.ppf([0.025, 0.975], recall * places + 0.5, (1 - recall) * places + 0.5)
        lo, hi = lo if recall > 0 else recall, hi if recall < 1 else recall
        note = "" if np.isfinite(recall) else f"fewer than {1 / RATE:.0f} negatives"
        numbers = (low, high, each["injected_sn"].median(), recall, lo, hi, len(each), places, note)
        yield dict(zip(COLUMNS, (mix, method, *numbers), strict=True))
