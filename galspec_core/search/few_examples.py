"""A class that nobody thought of: withheld from pre-training, given later as a few examples, and looked for.

The examples are set against the rest of the knowledge base by a linear discriminant with a shrunk covariance (Ledoit & Wolf 2004,
J. Multivar. Anal. 88, 365, for the idea); what it ranks first is looked at.
"""

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from galspec_core.catalogs.roles import ALL_CLASSES, PRETRAIN, VALIDATION
from galspec_core.search.metrics import interval

COLUMNS = [
    "class", "method", "n_examples", "recall_at_100", "recall_at_100_lo", "recall_at_100_hi", "chance", "n_members",
    "n_ranked", "n_draws", "n_positions",
]  # fmt: skip
LOOKED_AT = 100  # spectra of highest rank
SHRINKAGE = 0.3  # of the covariance towards a sphere (our choice, on the training side)


def without(roles, name, role):
    """Return specobjid of the spectra of ``role`` (pretrain or validation) that do not carry the label ``name``."""
    labels = roles[roles["task"] == ALL_CLASSES].drop_duplicates("specobjid")
    withheld = labels.loc[carries(labels["label"], name), "specobjid"]
    rows = roles[roles["role"] == role]
    return rows.loc[~rows["specobjid"].isin(withheld), "specobjid"].to_numpy()


def training_ids(roles, name):
    """Return specobjid of those that pre-train and of those that validate when a class is withheld."""
    return without(roles, name, PRETRAIN), without(roles, name, VALIDATION)


def carries(labels, name):
    """Return where one of the '+'-joined ``labels`` is ``name``: bool[n]."""
    return np.array([name in word.split("+") for word in labels], dtype=bool)


def rank(vectors, examples, others, asked):
    """Return the score of ``asked`` rows of vectors[N, F], trained on rows ``examples`` against rows ``others``."""
    unit = vectors[others].std(axis=0) + 1e-6
    x = np.vstack([vectors[examples], vectors[others]]) / unit
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    model.fit(x, np.arange(len(x)) < len(examples))
    return model.decision_function(vectors[asked] / unit)


def score_examples(vectors, labelled, name, examples, draws):
    """Return rows (dicts of COLUMNS, class and method aside) of one class and encoder, one for each number of examples.

    Parameters
    ----------
    vectors : ndarray[N, F]
        Of the rows of ``labelled``.
    labelled : DataFrame
        label, position, side.
    name : str
        The class.
    examples : list of int
    draws : int
        Of the examples; the same ones for every encoder.

    The interval is over draws of the examples and redraws of the test side's positions together. A class with fewer examples
    than asked for has no row.
    """
    has, train = carries(labelled["label"], name), (labelled["side"] == "training").to_numpy()
    pool, others, asked = np.flatnonzero(train & has), np.flatnonzero(train & ~has), np.flatnonzero(~train)
    member, position = has[asked], labelled["position"].to_numpy()[asked]
    rows = []
    for n in examples:
        if len(pool) < n or not member.any():
            continue
        found, redrawn = [], []
        for draw in range(draws):
            rng = np.random.default_rng([draw, n])
            score = rank(vectors, rng.permutation(pool)[:n], others, asked)
            found.append(recall_at(member, score))
            redrawn.append(recall_at(*_redraw(member, score, position, rng)))
        low, high = interval(np.array(redrawn))
        size = min(LOOKED_AT, int(member.sum()))
        rows.append(
            {
                "n_examples": n,
                "recall_at_100": float(np.mean(found)),
                "recall_at_100_lo": low,
                "recall_at_100_hi": high,
                "chance": min(1.0, LOOKED_AT / len(asked)) * member.sum() / size,
                "n_members": int(member.sum()),
                "n_ranked": len(asked),
                "n_draws": draws,
                "n_positions": len(np.unique(position[member])),
            }
        )
    return rows


def recall_at(member, score):
    """Return the members among the LOOKED_AT of highest score, over as many as there can be; NaN without members."""
    if not member.any():
        return np.nan
    first = np.argsort(-score, kind="stable")[:LOOKED_AT]
    return member[first].sum() / min(LOOKED_AT, member.sum())


def _redraw(member, score, position, rng):
    places, groups = np.unique(position, return_inverse=True)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(len(places) + 1))
    drawn = rng.integers(len(places), size=len(places))
    rows = np.concatenate([order[starts[g] : starts[g + 1]] for g in drawn])
    return member[rows], score[rows]


def few_examples_table(rows):
    """Return the table with COLUMNS of a list of dicts."""
    return pd.DataFrame(rows, columns=COLUMNS)
