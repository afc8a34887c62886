"""Differences in rank: zero of a method with itself, found where they are, on what both have seen."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.ranking import ranking
from galspec_core.search.ranking_differences import COLUMNS, ranking_differences
from tests.search.test_ranking import survey


def two(first, second):
    """Return votes of methods a and b, whose scores are noise of one source plus so many σ for a lens; and the manifest."""
    votes, manifest = survey()
    lens = (votes["label"] == "Lens").to_numpy()
    noise = np.random.default_rng(0).normal(size=len(votes))
    parts = [votes.assign(method=m, score=noise + s * lens) for m, s in (("a", first), ("b", second))]
    return {"lens": pd.concat(parts, ignore_index=True)}, manifest


def test_a_method_does_not_differ_from_itself():
    table = ranking_differences(*two(1.0, 1.0), "a", 50)
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 3
    assert (table[["difference", "difference_lo", "difference_hi"]] == 0).all(axis=None)


def test_a_better_score_differs_and_the_values_are_those_of_the_ranking():
    votes, manifest = two(2.0, 1.0)
    table = ranking_differences(votes, manifest, "a", 50)
    auc = table[table["measure"] == "roc_auc"]
    assert (auc["difference_lo"] > 0).all()
    whole = ranking(votes, manifest, 5).groupby(["method", "mix"])["roc_auc"].last()
    for row in auc.itertuples():
        assert row.value == pytest.approx(whole["a", row.mix])  # ROC AUC is the same at every ratio
        assert row.other_value == pytest.approx(whole["b", row.mix])


def test_only_what_both_have_seen_is_compared():
    votes, manifest = two(1.0, 1.0)
    frame = votes["lens"].sample(frac=1, random_state=0)
    frame = frame[(frame["method"] == "a") | (frame["specobjid"] % 2 == 0)]
    table = ranking_differences({"lens": frame}, manifest, "a", 20)
    assert table["difference"].abs().max() == 0
