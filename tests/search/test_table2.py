"""Table 2: one class against the rest, and who has learnt nothing."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.tables import (
    LEARNT_NOTHING_NOTE,
    TABLE2,
    mark_nuisance,
    table2,
    table4,
    training_notes,
    votes_of_task,
)

IDS = np.arange(1, 7, dtype="u8")
MANIFEST = pd.DataFrame({"specobjid": IDS, "position": IDS})
LABEL = ["SF", "SF", "AGN", "AGN", "Normal", "Normal"]


def votes(method, predicted):
    columns = dict(specobjid=IDS, method=method, seed=0, label=LABEL, predicted=predicted, score=0.5)
    return pd.DataFrame(columns)


def test_accuracy_is_one_class_against_the_rest_and_macro_the_mean():
    table = table2(votes("rf", ["SF", "AGN", "AGN", "AGN", "Normal", "SF"]), MANIFEST, {"rf": "a note"}, 20)
    table = table.set_index("class")
    assert table.loc["SF", "accuracy"] == pytest.approx(4 / 6)
    assert table.loc["AGN", "accuracy"] == pytest.approx(5 / 6)
    assert table.loc["AGN", ["precision", "recall"]].tolist() == pytest.approx([2 / 3, 1])
    for key in ("accuracy", "precision", "recall", "f1"):
        assert table.loc["macro", key] == pytest.approx(table.loc[["SF", "AGN", "Normal"], key].mean())
    assert table.loc["macro", "note"] == "a note"


@pytest.mark.parametrize(("f1", "marked"), [(0.3, True), (0.5, True), (0.519, True), (0.521, False), (0.9, False)])
def test_a_method_within_two_points_of_nuisance_is_marked(f1, marked):
    rows = mark_nuisance([dict(method="nuisance", f1=0.5, note="n"), dict(method="x", f1=f1, note="y")])
    assert rows[0]["note"] == "n"
    assert (rows[1]["note"] == f"y; {LEARNT_NOTHING_NOTE}") is marked


def test_without_a_nuisance_row_nobody_is_marked():
    assert mark_nuisance([dict(method="x", f1=0.0, note="")])[0]["note"] == ""


def test_table4_marks_within_each_task(tmp_path):
    """Good at one target, as blind as nuisance at the other."""
    member = [*["Lens"] * 3, *["other"] * 3]
    blind = ["other"] * 6
    frames = {
        task: pd.concat(
            [votes("nuisance", blind).assign(label=member), votes("x", hit).assign(label=member)], ignore_index=True
        )
        for task, hit in (("a", member), ("b", blind))
    }
    table = table4(frames, MANIFEST, n_bootstrap=20).set_index(["task", "method"])
    assert LEARNT_NOTHING_NOTE not in table.loc[("a", "x"), "note"]
    assert LEARNT_NOTHING_NOTE in table.loc[("b", "x"), "note"]


def test_votes_of_systems_join_those_of_the_search_task_by_task(tmp_path):
    votes("paper", LABEL).to_parquet(tmp_path / "search.parquet")
    both = pd.concat([votes("rf", LABEL).assign(task=task) for task in ("bpt3", "lens")])
    both.to_parquet(tmp_path / "rf.parquet")
    joined = votes_of_task("bpt3", tmp_path / "search.parquet", [tmp_path / "rf.parquet"])
    assert joined.groupby("method", sort=False).size().to_dict() == {"paper": 6, "rf": 6}


def seeds(method, right, names=("AGN", "Normal", "SF")):
    """Return votes of two seeds that name about a share ``right`` as they should and draw the others among ``names``."""
    parts = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        guess = [word if rng.random() < right else rng.choice(list(names)) for word in LABEL]
        parts.append(votes(method, guess).assign(seed=seed))
    return pd.concat(parts, ignore_index=True)


def test_macro_is_the_mean_of_the_classes_over_seeds_too():
    table = table2(seeds("rf", 0.5), MANIFEST, n_bootstrap=20)
    assert list(table.columns) == TABLE2
    assert table["class"].tolist() == ["AGN", "Normal", "SF", "macro"]
    table = table.set_index("class")
    for key in ("accuracy", "precision", "recall", "f1"):
        assert table.loc["macro", key] == pytest.approx(table[key].drop("macro").mean())
    assert (table["f1_lo"] <= table["f1_hi"]).all()


def test_a_class_that_is_predicted_and_never_true_has_no_part_in_the_mean():
    table = table2(seeds("rf", 0.3, names=("SF", "Lens")), MANIFEST, n_bootstrap=20).set_index("class")
    assert np.isnan(table.loc["Lens", "recall"])
    assert table.loc["Lens", "n"] == 0
    for key in ("accuracy", "precision", "f1"):
        assert table.loc["macro", key] == pytest.approx(table.loc[["AGN", "Normal", "SF"], key].mean())


def test_table2_marks_the_macro_row_of_whoever_is_no_better_than_nuisance():
    blind = ["SF"] * 6
    frames = [votes("nuisance", blind), votes("same", blind), votes("good", LABEL)]
    table = table2(pd.concat(frames, ignore_index=True), MANIFEST, n_bootstrap=20)
    marked = table[table["note"] == LEARNT_NOTHING_NOTE]
    assert list(zip(marked["method"], marked["class"], strict=True)) == [("same", "macro")]


def test_a_training_that_stopped_early_is_noted(tmp_path):
    for name, last in (("short", 579), ("whole", 1200)):
        pd.DataFrame({"step": [250, last]}).to_csv(tmp_path / f"{name}.csv", index=False)
    files, steps = [tmp_path / "short.csv", tmp_path / "whole.csv"], [("paper", 1200), ("vae", 1200)]
    notes = training_notes({"paper": "shrunk", "vae": None}, files, steps)
    assert notes == {"paper": "shrunk; training stopped at step 579 of 1,200", "vae": None}
