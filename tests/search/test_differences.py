"""Two methods on the same spectra: what they share cancels."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.differences import COLUMNS, compare
from galspec_core.search.tables import too_few


def survey(n=400, seed=0, share=0.25):
    """Return labels, a manifest of pairs of spectra at one position, and a function that votes with some share wrong."""
    rng = np.random.default_rng(seed)
    ids = np.arange(2, n + 2, dtype="u8")
    manifest = pd.DataFrame({"specobjid": ids, "position": ids // np.uint64(2)})
    label = np.where(rng.random(n // 2) < share, "LINER", "other").repeat(2).astype(object)

    def votes(method, wrong, of=0):
        miss = np.random.default_rng(of).random(n) < wrong
        named = np.where(miss, np.where(label == "LINER", "other", "LINER"), label)
        return pd.DataFrame({"specobjid": ids, "seed": 0, "method": method, "label": label, "predicted": named})

    return manifest, votes


def test_a_better_method_is_better_with_an_interval_above_nought():
    manifest, votes = survey()
    table = compare({"liner": pd.concat([votes("a", 0.05), votes("b", 0.3, 1)])}, manifest, "a", 300)
    assert list(table.columns) == COLUMNS
    row = table.iloc[0]
    assert row["difference_lo"] > 0
    assert row["difference_lo"] < row["difference"] < row["difference_hi"]
    assert row["error_removed"] == pytest.approx((row["f1"] - row["other_f1"]) / (1 - row["other_f1"]))


def test_two_methods_that_agree_differ_by_nothing_however_few_spectra_there_are():
    manifest, votes = survey(60)
    row = compare({"liner": pd.concat([votes("a", 0.3), votes("b", 0.3)])}, manifest, "a", 100).iloc[0]
    assert row[["difference", "difference_lo", "difference_hi"]].tolist() == [0, 0, 0]


def test_the_interval_of_a_difference_is_narrower_than_two_intervals():
    """Errors that both make cancel: b makes those of a and a few more."""
    manifest, votes = survey(1000)
    a, b = votes("a", 0.2), votes("b", 0.2)
    more = np.random.default_rng(5).random(len(b)) < 0.03
    b.loc[more, "predicted"] = np.where(b.loc[more, "label"] == "LINER", "other", "LINER")
    paired = compare({"liner": pd.concat([a, b])}, manifest, "a", 500).iloc[0]
    apart = compare({"liner": pd.concat([a, votes("b", 0.2, 9)])}, manifest, "a", 500).iloc[0]
    width = [row["difference_hi"] - row["difference_lo"] for row in (paired, apart)]
    assert width[0] < 0.6 * width[1]


def test_only_spectra_that_both_voted_on_are_compared():
    manifest, votes = survey()
    half = votes("b", 0.1, 1).iloc[:100]
    row = compare({"liner": pd.concat([votes("a", 0.1), half])}, manifest, "a", 50).iloc[0]
    assert row["n"] == (half["label"] == "LINER").sum()


def test_all_classes_are_compared_one_by_one_and_together():
    manifest, votes = survey()
    frames = [votes(name, 0.1, i).replace("other", "SF") for i, name in enumerate("ab")]
    table = compare({"classes": pd.concat(frames)}, manifest, "a", 50)
    assert table["class"].tolist() == ["LINER", "SF", "macro"]
    assert table["difference"].iloc[2] == pytest.approx(table["difference"].iloc[:2].mean())


def test_few_positions_are_said_to_be_too_few():
    manifest, votes = survey(80)
    table = compare({"liner": pd.concat([votes("a", 0.1), votes("b", 0.2)])}, manifest, "a", 50)
    assert table["note"].iloc[0] == f"too few: {table['n_positions'].iloc[0]} positions"
    assert too_few(30) == ""


def test_a_method_without_votes_is_named():
    manifest, votes = survey()
    with pytest.raises(SearchError, match=r"liner: .*expected c; got \['a'\]"):
        compare({"liner": votes("a", 0.1)}, manifest, "c")
