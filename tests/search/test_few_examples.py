"""A class that was never trained on is found from a few examples, if the embedding tells it apart."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.few_examples import COLUMNS, few_examples_table, recall_at, score_examples, training_ids


def survey(n=2000, seed=0, apart=5.0):
    rng = np.random.default_rng(seed)
    rare = rng.random(n) < 0.05
    vectors = rng.normal(size=(n, 8))
    vectors[rare, 3] += apart
    frame = pd.DataFrame(
        {
            "label": np.where(rare, "LINER+Lens", "SF"),
            "position": np.arange(n) // 2,
            "side": np.where(np.arange(n) % 10 < 6, "training", "test"),
        }
    )
    return vectors, frame


def test_examples_lead_to_the_rest_of_their_class():
    rows = few_examples_table(score_examples(*survey(), "Lens", [5, 30], 10))
    assert [*rows.columns] == COLUMNS
    assert (rows["recall_at_100"] > 0.85).all()
    assert (rows["recall_at_100_lo"] > rows["chance"]).all()


def test_a_class_that_the_embedding_does_not_see_is_found_by_chance():
    rows = few_examples_table(score_examples(*survey(apart=0.0), "Lens", [10], 30))
    assert rows["recall_at_100"].iloc[0] == pytest.approx(rows["chance"].iloc[0], abs=0.06)


def test_more_examples_than_there_are_give_no_row():
    assert score_examples(*survey(), "Lens", [500], 2) == []


def test_the_withheld_class_neither_trains_nor_validates():
    ids = np.arange(6, dtype="u8")
    labels = pd.DataFrame(
        {
            "specobjid": ids,
            "task": "classes",
            "seed": 0,
            "role": "test",
            "label": ["Lens", "SF", "Lens+SF", "SF", "SF", "Lenses"],
        }
    )
    parts = [labels.iloc[:3].assign(task="", role="pretrain"), labels.iloc[2:].assign(task="", role="validation")]
    roles = pd.concat([labels, *parts], ignore_index=True)
    train, validation = training_ids(roles, "Lens")
    assert train.tolist() == [1]
    assert validation.tolist() == [3, 4, 5]


def test_recall_counts_against_what_a_hundred_can_hold():
    member = np.arange(400) < 200
    assert recall_at(member, -np.arange(400.0)) == 1.0
    assert recall_at(member, np.arange(400.0)) == 0.0
    assert np.isnan(recall_at(np.zeros(5, bool), np.zeros(5)))
