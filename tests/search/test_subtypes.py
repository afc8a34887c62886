"""Recall of each kind of oddity, and how sure one may be of it."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.subtypes import subtype_recall


def test_recall_by_subtype_counts_positions_not_repeats():
    """Two spectra of one galaxy, found in one of two seeds each; one other galaxy, found always; one never."""
    ids = np.array([1, 2, 3, 4], "u8")
    manifest = pd.DataFrame({"specobjid": ids, "position": np.array([7, 7, 8, 9], "u8")})
    found = {
        (1, 0): True,
        (1, 1): False,
        (2, 0): False,
        (2, 1): True,
        (3, 0): True,
        (3, 1): True,
        (4, 0): False,
        (4, 1): False,
    }
    votes = pd.DataFrame(
        [dict(specobjid=i, method="pca", seed=s, label="Outlier", predicted="Outlier" if hit else "other")
         for (i, s), hit in found.items()]
    )  # fmt: skip
    subtype = {1: "a", 2: "a", 3: "a", 4: ""}
    tests = pd.DataFrame([dict(specobjid=i, role="test", label="Outlier", subtype=subtype[i]) for i in (1, 2, 3, 4)])
    known = pd.DataFrame([dict(specobjid=i, role="knowledge_base", label="Outlier", subtype="a") for i in (11, 12)])
    table = subtype_recall(votes, pd.concat([tests, known, tests]), manifest, "Outlier").set_index("subtype")
    assert table.loc["a", ["n_kb", "n_test"]].tolist() == [2, 3]
    assert table.loc["a", "recall"] == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert table.loc["a", "lo"] < table.loc["a", "recall"] < table.loc["a", "hi"]
    assert table.loc["unnamed", ["n_kb", "n_test", "recall", "lo"]].tolist() == [0, 1, 0, 0]
    assert table.loc["unnamed", "hi"] == pytest.approx(1 / (1 + 1 / 1.959964**2), rel=1e-4)  # Wilson, 0 of 1
