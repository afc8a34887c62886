"""Differences in rank between one method and every other: the same targets, controls and redraws of sky positions."""

import numpy as np
import pandas as pd

from galspec_core.search.metrics import interval, mean
from galspec_core.search.ranking import (
    MATCHED,
    PAPER,
    RATES,
    RATIOS,
    bootstrap,
    means,
    ranked_sets,
    resolved,
    weigh,
    with_facts,
)

MEASURES = ["roc_auc", "average_precision", "recall_fp1"]
COLUMNS = [
    "task", "mix", "ratio", "measure", "method", "value", "other", "other_value",
    "difference", "difference_lo", "difference_hi",
]  # fmt: skip


def ranking_differences(votes, manifest, method, n_bootstrap=1000, seed=0):
    """Return a table with COLUMNS: ``method`` less every other, in each of MEASURES and both mixes at the larger ratio.

    Arguments are those of ``ranking``. Only spectra and seeds that both methods voted on are compared; what the negatives cannot
    resolve is left out.
    """
    rows, ratio = [], RATIOS[-1]
    for task, frame in votes.items():
        whole = with_facts(frame.assign(extra=False), manifest)
        own = whole[whole["method"] == method]
        for other, part in whole[whole["method"] != method].groupby("method", sort=False):
            pair = _common(own, part)
            for mix in (PAPER, MATCHED):
                found = [_redraws(one, mix, ratio, n_bootstrap, seed) for one in pair]
                facts = {"task": task, "mix": mix, "ratio": ratio, "method": method, "other": other}
                rows += [facts | row for row in _rows(*found)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _common(*parts):
    """Return votes on the spectra and seeds that all have, in one order."""
    keys = [part.set_index(["specobjid", "seed"]).sort_index() for part in parts]
    common = keys[0].index.intersection(keys[1].index)
    return [key.loc[common].reset_index() for key in keys]


def _redraws(part, mix, ratio, n_bootstrap, seed):
    """Return (means, redraws, effective negatives) of one method; the seed makes the redraws of two methods the same ones."""
    weights = {s: weigh(own, mix, ratio) for s, own in part.groupby("seed")}
    sets, n_places = ranked_sets(part, weights)
    redraws = bootstrap(sets, n_places, ratio, n_bootstrap, np.random.default_rng(seed))
    return means(sets, ratio), redraws, mean([one.effective() for one in sets])


def _rows(ours, theirs):
    for name in MEASURES:
        if not resolved(ours[2], RATES.get(name)):
            continue
        low, high = interval(ours[1][name] - theirs[1][name])
        values = {"value": ours[0][name], "other_value": theirs[0][name], "difference": ours[0][name] - theirs[0][name]}
        yield {"measure": name, **values, "difference_lo": low, "difference_hi": high}
