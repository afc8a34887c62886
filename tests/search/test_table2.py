"""Table 2: each class against the rest, their mean, and who is no better than the nuisance row."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.tables import (
    COMMON,
    LEARNT_NOTHING,
    LEARNT_NOTHING_NOTE,
    NUISANCE,
    TABLE2,
    mark_nuisance,
    table2,
    votes_of_task,
)

N = 60
IDS = np.arange(N, dtype="u8") + np.uint64(2**63)
MANIFEST = pd.DataFrame({"specobjid": IDS, "position": IDS // np.uint64(2)})
LABEL = np.array(["SF", "AGN", "Normal", "SF"] * (N // 4), dtype=object)
MEASURES = ["accuracy", "precision", "recall", "f1"]


def votes(method, right, seeds=(0, 1), names=("AGN", "Normal", "SF")):
    """Return votes that name the class of about a share ``right`` of the spectra and draw the others among ``names``."""
    parts = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        predicted = np.where(rng.random(N) < right, LABEL, rng.choice(list(names), N)).astype(object)
        part = dict(specobjid=IDS, method=method, seed=seed, label=LABEL, predicted=predicted, score=1.0)
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def test_rows_and_columns_and_the_note_of_a_method():
    table = table2(pd.concat([votes("paper", 0.7), votes("pca", 0.7)]), MANIFEST, {"paper": "shrunk"}, n_bootstrap=5)
    assert list(table.columns) == TABLE2
    assert table["class"].tolist() == ["AGN", "Normal", "SF", "macro"] * 2
    assert table["method"].tolist() == ["paper"] * 4 + ["pca"] * 4
    assert table["note"].tolist() == ["", "", "", "shrunk", "", "", "", ""]
    assert table["n"].tolist() == [15, 15, 30, 60] * 2


def test_macro_is_the_mean_of_the_classes():
    table = table2(votes("paper", 0.6), MANIFEST, n_bootstrap=5).set_index("class")
    for key in MEASURES:
        assert table.loc["macro", key] == pytest.approx(table[key].drop("macro").mean())
    assert (table["f1_lo"] <= table["f1"]).all()
    assert (table["f1"] <= table["f1_hi"]).all()


def test_a_class_that_is_predicted_and_never_true_has_no_part_in_the_mean():
    table = table2(votes("paper", 0.6, names=("SF", "Lens")), MANIFEST, n_bootstrap=5).set_index("class")
    assert np.isnan(table.loc["Lens", "recall"])
    assert table.loc["Lens", "n"] == 0
    for key in MEASURES:
        assert table.loc["macro", key] == pytest.approx(table.loc[["AGN", "Normal", "SF"], key].mean())


def test_accuracy_is_that_of_one_class_against_the_rest():
    made = votes("paper", 0.6, seeds=(0,))
    table = table2(made, MANIFEST, n_bootstrap=5).set_index("class")
    for name in ("AGN", "Normal", "SF"):
        agree = (made["label"] == name) == (made["predicted"] == name)
        assert table.loc[name, "accuracy"] == pytest.approx(agree.mean())


def test_one_class_known_by_hand():
    """Four spectra: one AGN found, one missed, one SF called AGN, one SF right."""
    made = pd.DataFrame({"specobjid": IDS[:4], "method": "paper", "seed": 0, "score": 1.0})
    made["label"], made["predicted"] = ["AGN", "AGN", "SF", "SF"], ["AGN", "SF", "AGN", "SF"]
    row = table2(made, MANIFEST, n_bootstrap=5).set_index("class").loc["AGN"]
    assert row[MEASURES].tolist() == pytest.approx([0.5] * 4)
    assert row[["n", "n_positions"]].tolist() == [2, 1]


def test_whoever_is_no_better_than_nuisance_is_marked_and_nobody_else():
    above = {NUISANCE: 0.0, "below": -0.3, "equal": 0.0, "near": 0.9 * LEARNT_NOTHING, "far": 1.1 * LEARNT_NOTHING}
    rows = [{"method": name, "f1": 0.6 + more, "note": "said" * (name == "near")} for name, more in above.items()]
    notes = {row["method"]: row["note"] for row in mark_nuisance(rows)}
    assert notes == {
        NUISANCE: "",
        "below": LEARNT_NOTHING_NOTE,
        "equal": LEARNT_NOTHING_NOTE,
        "near": f"said; {LEARNT_NOTHING_NOTE}",
        "far": "",
    }


def test_without_a_nuisance_row_nobody_is_marked():
    rows = [{"method": "paper", "f1": 0.0, "note": ""}]
    assert mark_nuisance(rows) == [{"method": "paper", "f1": 0.0, "note": ""}]


def test_table_2_marks_the_macro_row():
    made = pd.concat([votes(NUISANCE, 0.5), votes("same", 0.5), votes("paper", 1.0)])
    table = table2(made, MANIFEST, n_bootstrap=5)
    marked = table[table["note"] == LEARNT_NOTHING_NOTE]
    assert list(zip(marked["method"], marked["class"], strict=True)) == [("same", "macro")]


def test_votes_of_systems_join_those_of_the_search(tmp_path):
    votes("paper", 0.7).to_parquet(tmp_path / "search.parquet")
    system = votes("svm", 0.7)
    parts = [system.assign(task="bpt3"), system.assign(task="liner")]
    pd.concat(parts).to_parquet(tmp_path / "svm.parquet")
    joined = votes_of_task("bpt3", tmp_path / "search.parquet", [tmp_path / "svm.parquet"])
    assert list(joined.columns) == COMMON
    assert joined["method"].value_counts().to_dict() == {"paper": 2 * N, "svm": 2 * N}
