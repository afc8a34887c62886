"""Unseen classes by a few examples: what is like them comes first, and no example counts twice."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.figures.few_examples import draw_few_examples
from galspec_core.figures.style import save_figure
from galspec_core.search.few_examples import (
    COLUMNS,
    Withheld,
    common,
    draw_examples,
    few_examples,
    known_as,
    recall_at,
    refit,
    unseen,
    withheld_classes,
)
from galspec_core.spectra.shard import Gridded, write_gridded

N = 600


def survey(rng, member):
    ids = np.arange(N, dtype="u8") + np.uint64(2**63)
    side = np.where(np.arange(N) % 2, "test", "training")
    labels = [["Odd"] if own else ["SF"] for own in member]
    plain = dict(specobjid=ids, position=np.arange(N, dtype="u8"), side=side)
    return pd.DataFrame({**plain, "labels": labels, "held_out": [[]] * N, "subtype": ""})


def test_a_class_that_stands_apart_is_found_and_one_that_does_not_comes_by_chance():
    rng = np.random.default_rng(0)
    member = np.arange(N) % 20 < 2
    spectra = survey(rng, member)
    blind = rng.normal(0, 1, (N, 5)).astype("f4")
    seeing = blind + 10 * member[:, None].astype("f4")
    one = Withheld("Odd", member, np.zeros(N, bool))
    table = few_examples({"seeing": seeing, "blind": blind}, spectra, [one], [5, 10, 500], 8, 100)
    found = table.set_index(["method", "n_examples"])
    assert set(found.index) == {(name, n) for name in ("seeing", "blind") for n in (5, 10)}  # no 500 positions
    assert found.loc["seeing", "recall_at_100"].eq(1).all()
    assert found["chance"].eq(1 / 3).all()  # 100 of 300 spectra
    assert found.loc["blind", "recall_at_100"].to_numpy() == pytest.approx(1 / 3, abs=0.15)
    assert (found["recall_at_100_lo"] <= found["recall_at_100"]).all()
    assert (found["recall_at_100_hi"] >= found["recall_at_100"]).all()


def test_recall_counts_the_first_hundred_and_at_most_a_hundred_members():
    score = -np.arange(400.0)
    some = np.isin(np.arange(400), [0, 99, 100, 399])
    assert recall_at(score, some, np.ones((1, 400))).tolist() == [0.5]
    assert recall_at(score, np.arange(400) < 200, np.ones((1, 400))).tolist() == [1.0]
    assert recall_at(score, some, 2 * np.ones((1, 400))).tolist() == [0.25]  # each twice: the first 50
    assert np.isnan(recall_at(score, np.zeros(400, bool), np.ones((1, 400)))).all()


def test_examples_are_of_different_positions():
    position = np.repeat(np.arange(6), 5)
    rows = np.arange(30) + 100
    chosen = draw_examples(rows, position, 6, np.random.default_rng(0))
    assert sorted(position[chosen - 100]) == list(range(6))


def test_outliers_are_taken_apart_and_rare_ones_left_out():
    frame = pd.DataFrame(
        {
            "specobjid": np.arange(8, dtype="u8"),
            "position": np.arange(8, dtype="u8"),
            "side": ["training", "test"] * 4,
            "labels": [["Outlier"]] * 4 + [["Outlier", "SF"]] + [["SF"]] * 3,
            "held_out": [[]] * 7 + [["Outlier"]],
            "subtype": ["blend"] * 4 + ["break"] + [""] * 3,
        }
    )
    found = withheld_classes(["Outlier", "Lens"], frame, 1, 1)
    assert [one.name for one in found] == ["Outlier: blend"]  # no break is on the test side, there is no lens
    assert found[0].member.sum() == 4
    assert found[0].ignored.tolist() == [False] * 7 + [True]
    kept = unseen(frame["specobjid"].to_numpy(), frame, ["Outlier"])
    assert kept.tolist() == [5, 6, 7]


def test_spectra_without_labels_have_none():
    manifest = pd.DataFrame({"specobjid": np.array([2, 1], "u8"), "position": [2, 1], "side": "test"})
    labels = pd.DataFrame({"specobjid": np.array([2], "u8"), "labels": [["SF"]], "held_out": [[]], "subtype": [""]})
    found = known_as(manifest, labels)
    assert found["specobjid"].tolist() == [1, 2]
    assert found["labels"].tolist() == [[], ["SF"]]
    assert found["subtype"].tolist() == ["", ""]


def test_an_encoder_fitted_again_embeds_every_spectrum_in_order(tmp_path):
    rng = np.random.default_rng(3)
    ids = np.arange(40, dtype="u8")[::-1] + np.uint64(2**63)
    flux = rng.normal(1, 0.1, (40, 30)).astype("f4")
    write_gridded(tmp_path / "0.parquet", Gridded(ids, np.full(40, 0.1, "f4"), flux, np.ones_like(flux)))
    grid = dict(frame="rest", spacing="log", wave=[4000.0, 4100.0], pixels=30)
    entry = dict(kind="pca", grid="rest", components=40)
    found, vectors = refit(entry, grid, [tmp_path / "0.parquet"], ids[:20], ids[20:25], "pca")
    assert found.tolist() == sorted(ids)
    assert vectors.shape == (40, 10)
    spectra = pd.DataFrame({"specobjid": ids})
    kept, rows = common(spectra, {"pca": (found, vectors), "less": (found[:39], vectors[:39])})
    assert len(kept) == 39
    assert (rows["pca"] == rows["less"]).all()
    assert (rows["pca"][0] == vectors[found == kept["specobjid"].iloc[0]]).all()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_the_figure_has_a_panel_a_class(tmp_path, n):
    rows = [
        dict.fromkeys(COLUMNS, 0.5) | {"class": f"Outlier: {c}", "method": m, "n_examples": k}
        for c in range(n) for m in ("galspec", "pca") for k in (5, 10)
    ]  # fmt: skip
    figure = draw_few_examples(pd.DataFrame(rows, columns=COLUMNS))
    assert sum(bool(axis.get_title()) for axis in figure.axes) == n
    save_figure(figure, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000 or n == 0
