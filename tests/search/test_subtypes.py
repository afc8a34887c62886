"""Recall by subtype: by hand, with an interval that rests on sky positions."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from galspec_core.search.subtypes import COLUMNS, UNNAMED, subtype_recall


def make(spectra, seeds=(0, 1)):
    """Return (votes, roles, manifest) of a list of (subtype, position, share of the seeds in which it was found)."""
    ids = np.arange(len(spectra), dtype="u8") + np.uint64(2**63)
    subtype, position, share = zip(*spectra, strict=True)
    manifest = pd.DataFrame({"specobjid": ids, "position": np.array(position, "u8")})
    roles = pd.DataFrame({"specobjid": ids, "role": "test", "label": "LINER+Outlier", "subtype": subtype})
    parts = []
    for i, seed in enumerate(seeds):
        found = np.array(share) * len(seeds) > i
        predicted = np.where(found, "Outlier", "other").astype(object)
        part = {"specobjid": ids, "method": "paper", "seed": seed, "label": "Outlier", "predicted": predicted}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True), roles, manifest


def wilson(k, n):
    """Return the 95 % interval of k of n, as in Wilson (1927, JASA 22, 209)."""
    z = norm.ppf(0.975)
    half = z * np.sqrt(k * (n - k) / n + z**2 / 4)
    return (k + z**2 / 2 - half) / (n + z**2), (k + z**2 / 2 + half) / (n + z**2)


def test_recall_is_that_of_the_hand():
    """Four blends on positions of their own, found always, always, in one seed of two, never."""
    blends = [("blend", 1, 1.0), ("blend", 2, 1.0), ("blend", 3, 0.5), ("blend", 4, 0.0)]
    votes, roles, manifest = make([*blends, ("", 9, 1.0)])
    base = pd.DataFrame({"specobjid": np.array([1, 2, 2, 3], "u8"), "role": "knowledge_base", "label": "Outlier"})
    base["subtype"] = ["blend", "blend", "blend", ""]  # spectrum 2 serves in two seeds
    others = pd.DataFrame({"specobjid": np.array([7], "u8"), "role": "test", "label": "SF", "subtype": "blend"})
    negatives = votes.iloc[:1].assign(specobjid=np.uint64(7), label="other", predicted="Outlier")
    roles, votes = pd.concat([roles, base, others]), pd.concat([votes, negatives])
    table = subtype_recall(votes, roles, manifest, "Outlier")
    assert list(table.columns) == COLUMNS
    assert table["subtype"].tolist() == ["blend", UNNAMED]  # commonest first
    assert table["n_kb"].tolist() == [2, 1]
    assert table["n_test"].tolist() == [4, 1]
    assert table["recall"].tolist() == pytest.approx([2.5 / 4, 1.0])
    assert (table["lo"][0], table["hi"][0]) == pytest.approx(wilson(2, 4))  # 2.5 of 4, rounded to even
    assert (table["lo"][1], table["hi"][1]) == pytest.approx(wilson(1, 1))


def test_repeats_of_a_position_make_no_interval_narrower():
    once = [("blend", 1, 1.0), ("blend", 2, 0.0), ("blend", 3, 1.0)]
    single, thrice = (subtype_recall(*make(spectra), "Outlier").iloc[0] for spectra in (once, 3 * once))
    assert (single["lo"], single["hi"]) == (thrice["lo"], thrice["hi"]) == pytest.approx(wilson(2, 3))
    assert single["recall"] == pytest.approx(thrice["recall"])
    assert (single["n_test"], thrice["n_test"]) == (3, 9)


def test_more_seeds_make_no_interval_narrower():
    spectra = [("blend", i, float(i % 4 > 0)) for i in range(12)]
    few, many = (subtype_recall(*make(spectra, range(n)), "Outlier").iloc[0] for n in (1, 5))
    assert few.drop("method").equals(many.drop("method"))


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_the_recall(seed):
    rng = np.random.default_rng(seed)
    spectra = [("blend", i, float(rng.integers(3)) / 2) for i in range(rng.integers(1, 30))]
    row = subtype_recall(*make(spectra), "Outlier").iloc[0]
    assert 0 <= row["lo"] <= row["recall"] <= row["hi"] <= 1


def test_the_interval_holds_the_recall_where_one_position_has_most_spectra():
    row = subtype_recall(*make([("blend", 1, 1.0)] * 12 + [("blend", 2, 0.0)]), "Outlier").iloc[0]
    assert row["lo"] <= row["recall"] <= row["hi"]


def test_methods_are_told_apart():
    votes, roles, manifest = make([("blend", i, 1.0) for i in range(5)])
    both = pd.concat([votes, votes.assign(method="blind", predicted="other")])
    assert subtype_recall(both, roles, manifest, "Outlier").set_index("method")["recall"].to_dict() == {
        "paper": 1.0,
        "blind": 0.0,
    }
