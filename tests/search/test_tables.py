"""Tables have the promised columns and the paper's values to the digit."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import SearchError
from galspec_core.files import write_csv
from galspec_core.search.tables import CLASSES, TABLE4, classes_table, printed, table4

IDS = np.arange(40, dtype="u8") + np.uint64(2**63 + 1)
MANIFEST = pd.DataFrame({"specobjid": IDS[::-1], "position": IDS[::-1] // np.uint64(2)})


def votes(target, methods=("paper", "pca"), seeds=(0, 1)):
    """Return votes of a classifier that errs on one spectrum in ten."""
    parts = []
    for method in methods:
        for seed in seeds:
            label = np.where(np.arange(40) % 4 == 0, target, "other").astype(object)
            predicted = np.where(np.arange(40) % 10 == seed, "other", label).astype(object)
            part = {"specobjid": IDS, "method": method, "seed": seed, "label": label, "predicted": predicted}
            parts.append(pd.DataFrame(part | {"score": (predicted == target) * 1.0}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def table():
    """Give table 4 of two published tasks and one of a user's own."""
    tasks = {"liner": votes("LINER"), "outlier": votes("Outlier"), "own": votes("Own")}
    return table4(tasks, MANIFEST, {"paper": "shrunk", "pca": None}, n_bootstrap=30)


def test_rows_and_columns(table):
    assert list(table.columns) == TABLE4
    methods = ["paper", "pca", "published"]
    expected = [(task, m) for task in ("liner", "outlier", "own") for m in methods if (task, m) != ("own", "published")]
    assert list(zip(table["task"], table["method"], strict=True)) == expected


def test_published_rows_are_verbatim_and_hold_nothing_else(table, tmp_path):
    write_csv(table, tmp_path / "table4.csv")
    lines = [line for line in (tmp_path / "table4.csv").read_text().splitlines() if ",published," in line]
    note = '"the paper\'s own survey and sample, not comparable"'
    assert lines == [
        f"liner,published,0.8727,0.946,0.9079,,,,,,,,,,,,{note}",
        f"outlier,published,0.9847,0.8377,0.9053,,,,,,,,,,,,{note}",
    ]


def test_notes_and_counts(table):
    ours = table[table["method"] != "published"]
    assert list(ours["note"]) == ["shrunk; too few: 10 positions", "too few: 10 positions"] * 3
    assert (ours["n_test"] == 40).all()
    assert (ours["n_target"] == 10).all()
    assert (ours["n_positions"] == 21).all()
    assert (ours["n_seeds"] == 2).all()


def test_what_rests_on_too_few_positions_is_printed_as_that_and_not_as_a_number(table):
    shown = printed(table, ["task", "method", "f1", "roc_auc", "note"])
    assert set(shown["f1"][shown["method"] != "published"]) == {"too few"}
    assert shown["f1"][shown["method"] == "published"].tolist() == ["0.908", "0.905"]
    assert set(shown["roc_auc"][shown["method"] == "published"]) == {""}


def test_values_of_a_known_classifier(table):
    row = table.iloc[0]  # seed 0 misses spectra 0 and 20 of ten targets, seed 1 none
    assert row["precision"] == 1
    assert row["recall"] == pytest.approx(0.9)
    assert row["f1"] == pytest.approx((2 * 0.8 / 1.8 + 1) / 2)
    assert row["roc_auc"] == pytest.approx((0.9 + 1) / 2)


def test_methods_share_their_redraws(table):
    ours = table[table["method"] != "published"]
    assert ours["f1_lo"].nunique() == ours["f1_hi"].nunique() == 1


def test_classes_table():
    rng = np.random.default_rng(0)
    label = np.array(["SF", "LINER", "Lens", "SF"] * 10, object)
    part = {"specobjid": IDS, "method": "pca", "seed": 0, "label": label, "predicted": rng.permutation(label)}
    table = classes_table(pd.DataFrame(part | {"score": 1.0}), MANIFEST, n_bootstrap=30)
    assert list(table.columns) == CLASSES
    assert list(table["class"]) == ["LINER", "Lens", "SF", "macro"]
    assert list(table["n"]) == [10, 10, 20, 40]
    assert table["f1"].iloc[-1] == pytest.approx(table["f1"].iloc[:-1].mean())
    assert (table["f1_lo"] <= table["f1_hi"]).all()


def test_a_spectrum_outside_the_manifest_is_an_error():
    with pytest.raises(SearchError, match=str(IDS[39])):
        table4({"liner": votes("LINER")}, MANIFEST[1:], n_bootstrap=5)
