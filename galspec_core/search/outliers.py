"""Outliers without labels: a spectrum is as odd as it is far from the spectra that the encoder was trained on."""

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from galspec_core.search.metrics import interval, rank_metrics
from galspec_core.search.tables import positions_of

COLUMNS = [
    "method", "roc_auc", "roc_auc_lo", "roc_auc_hi", "average_precision", "average_precision_lo", "average_precision_hi",
    "recall_at_n", "n_outlier", "n", "n_positions",
]  # fmt: skip
NEIGHBOUR = 5  # the distance to this nearest training spectrum is the score (our choice, on the training side)
OUTLIER, LENS = "Outlier", "Lens"


def distance_score(known, asked, k=NEIGHBOUR):
    """Return the distance [Q] of asked[Q, D] to the ``k``-th nearest of known[N, D]."""
    return NearestNeighbors(n_neighbors=min(k, len(known))).fit(known).kneighbors(asked)[0][:, -1]


def rank_outliers(scores, labels, manifest, n_bootstrap=1000):
    """Return a table with COLUMNS: how well each score puts the labelled outliers first.

    Parameters
    ----------
    scores : dict
        {method: Series of scores by specobjid}; spectra that all methods have are ranked.
    labels : DataFrame
        specobjid and '+'-joined label of the spectra to be ranked. Lenses are left out: they are odd too, and no outlier by label.
    manifest : DataFrame
    n_bootstrap : int
        Redraws of sky positions, the same for all methods.
    """
    labels = labels.drop_duplicates("specobjid")
    labels = labels[~labels["label"].str.split("+").map(lambda words: LENS in words)]
    common = set.intersection(set(labels["specobjid"]), *(set(score.index) for score in scores.values()))
    labels = labels[labels["specobjid"].isin(common)].sort_values("specobjid")
    member = labels["label"].str.split("+").map(lambda words: OUTLIER in words).to_numpy(dtype=bool)
    places, groups = np.unique(positions_of(labels, manifest), return_inverse=True)
    rows = []
    for method, score in scores.items():
        values = score.loc[labels["specobjid"]].to_numpy()
        first = np.argsort(-values, kind="stable")[: member.sum()]
        (ap, auc), spread = rank_metrics(member, values), _redraws(member, values, groups, len(places), n_bootstrap)
        limits = [interval(spread[:, i]) for i in (0, 1)]
        rows.append(
            [method, auc, *limits[1], ap, *limits[0], member[first].mean(), member.sum(), len(member), len(places)]
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _redraws(member, values, groups, n, n_bootstrap):
    """Return average precision and ROC AUC of redraws of positions [n_bootstrap, 2]."""
    rows = [np.flatnonzero(groups == g) for g in range(n)]
    rng, found = np.random.default_rng(0), []
    for _ in range(n_bootstrap):
        drawn = np.concatenate([rows[g] for g in rng.integers(n, size=n)])
        found.append(rank_metrics(member[drawn], values[drawn]))
    return np.array(found)
