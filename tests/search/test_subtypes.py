"""Recall of each kind of oddity, and how sure one may be of it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

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
    assert table.loc["a", "recall"] == pytest.approx((0.5 + 1) / 2)
    assert table.loc["a", "lo"] < table.loc["a", "recall"] < table.loc["a", "hi"]
    assert table.loc["unnamed", ["n_kb", "n_test", "recall", "lo"]].tolist() == [0, 1, 0, 0]
    assert table.loc["unnamed", "hi"] == pytest.approx(1 / (1 + 1 / 1.959964**2), rel=1e-4)  # Wilson, 0 of 1


def make(spectra, seeds=(0, 1)):
    """Return (votes, roles, manifest) of a list of (subtype, position, share of the seeds in which it was found)."""
    ids = np.arange(len(spectra), dtype="u8") + np.uint64(2**63)
    subtype, position, share = zip(*spectra, strict=True)
    manifest = pd.DataFrame({"specobjid": ids, "position": np.array(position, "u8")})
    roles = pd.DataFrame({"specobjid": ids, "role": "test", "label": "LINER+Outlier", "subtype": subtype})
    parts = []
    for i, seed in enumerate(seeds):
        predicted = np.where(np.array(share) * len(seeds) > i, "Outlier", "other").astype(object)
        part = dict(specobjid=ids, method="paper", seed=seed, label="Outlier", predicted=predicted)
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True), roles, manifest


def wilson(k, n):
    """Return the 95 % interval of k of n (Wilson 1927, JASA 22, 209)."""
    z = norm.ppf(0.975)
    half = z * np.sqrt(k * (n - k) / n + z**2 / 4)
    return (k + z**2 / 2 - half) / (n + z**2), (k + z**2 / 2 + half) / (n + z**2)


def test_repeats_of_a_position_make_no_interval_narrower():
    once = [("blend", 1, 1.0), ("blend", 2, 0.0), ("blend", 3, 1.0)]
    single, thrice = (subtype_recall(*make(spectra), "Outlier").iloc[0] for spectra in (once, 3 * once))
    assert (single["lo"], single["hi"]) == (thrice["lo"], thrice["hi"]) == pytest.approx(wilson(2, 3))
    assert single["recall"] == pytest.approx(thrice["recall"])
    assert (single["n_test"], thrice["n_test"]) == (3, 9)


def test_more_seeds_make_no_interval_narrower():
    spectra = [("blend", i, float(i % 4 > 0)) for i in range(12)]
    few, many = (subtype_recall(*make(spectra, range(n)), "Outlier").iloc[0] for n in (1, 5))
    assert few.equals(many)


@pytest.mark.parametrize("seed", range(10))
def test_the_interval_holds_the_recall(seed):
    rng = np.random.default_rng(seed)
    spectra = [("blend", i, float(rng.integers(3)) / 2) for i in range(rng.integers(1, 30))]
    row = subtype_recall(*make(spectra), "Outlier").iloc[0]
    assert 0 <= row["lo"] <= row["recall"] <= row["hi"] <= 1


def test_the_interval_holds_the_recall_where_one_position_has_most_spectra():
    row = subtype_recall(*make([("blend", 1, 1.0)] * 12 + [("blend", 2, 0.0)]), "Outlier").iloc[0]
    assert row["lo"] <= row["recall"] <= row["hi"]


def test_false_alarms_are_no_part_of_recall_and_methods_are_told_apart():
    votes, roles, manifest = make([("blend", i, 1.0) for i in range(5)])
    alarm = votes.iloc[:3].assign(label="other", predicted="Outlier")
    both = pd.concat([votes, alarm, votes.assign(method="blind", predicted="other")])
    found = subtype_recall(both, roles, manifest, "Outlier").set_index("method")["recall"]
    assert found.to_dict() == {"paper": 1.0, "blind": 0.0}
