"""Recall of a target by subtype: which kinds of oddity a search finds."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from galspec_core.search.tables import positions_of

COLUMNS = ["method", "subtype", "n_kb", "n_test", "recall", "lo", "hi"]
UNNAMED = "unnamed"


def subtype_recall(votes, roles, manifest, target):
    """Return recall by method and subtype, with its 95 % interval, commonest subtype first.

    A sky position counts once, by the share of its spectra and seeds in which it was found. The interval is Wilson's
    (1927) for as many trials as there are positions: repeats and seeds add no independent galaxies. n_kb and n_test
    count distinct spectra over all seeds.

    Parameters
    ----------
    votes : DataFrame
        Of one task, all methods.
    roles : DataFrame
        Rows of that task: specobjid, role, label, subtype.
    manifest : DataFrame
        specobjid and position.
    target : str
    """
    known = roles.assign(subtype=roles["subtype"].where(roles["subtype"] != "", UNNAMED))
    known = known[known["label"].map(lambda word: target in word.split("+"))].drop_duplicates(["specobjid", "role"])
    n_kb = known[known["role"] == "knowledge_base"].groupby("subtype").size()
    subtype = known.drop_duplicates("specobjid").set_index("specobjid")["subtype"]
    members = votes[votes["label"] == target]
    members = members.assign(
        subtype=subtype[members["specobjid"]].to_numpy(),
        position=positions_of(members, manifest),
        found=members["predicted"] == target,
    )
    rows = [
        [method, name, int(n_kb.get(name, 0)), part["specobjid"].nunique(), *_recall(part)]
        for (method, name), part in members.groupby(["method", "subtype"], sort=False)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["method", "n_test", "subtype"], ascending=[True, False, True], ignore_index=True)


def _recall(part):
    """Return recall and its interval of the votes on one subtype."""
    by_position = part.groupby("position")["found"].mean()
    n = len(by_position)
    interval = binomtest(int(np.round(by_position.sum())), n).proportion_ci(0.95, method="wilson")
    return float(by_position.mean()), interval.low, interval.high
