"""The odd ones are far from all others."""

import numpy as np
import pandas as pd

from galspec_core.search.outliers import COLUMNS, distance_score, rank_outliers

RNG = np.random.default_rng(0)


def labelled(n=400):
    label = np.where(np.arange(n) % 20 == 0, "Outlier", np.where(np.arange(n) % 20 == 1, "Lens+SF", "SF"))
    ids = np.arange(2, n + 2, dtype="u8")
    return pd.DataFrame({"specobjid": ids, "label": label}), pd.DataFrame({"specobjid": ids, "position": ids})


def test_a_spectrum_far_from_the_training_set_is_odd():
    known = RNG.normal(size=(500, 3))
    score = distance_score(known, np.vstack([np.zeros(3), np.full(3, 6.0)]))
    assert score[1] > 10 * score[0]
    assert np.allclose(distance_score(known, known[:1], k=1), 0)


def test_a_score_that_knows_comes_out_above_one_that_guesses():
    labels, manifest = labelled()
    odd = (labels["label"] == "Outlier").to_numpy()
    scores = {
        "knows": pd.Series(odd + 0.3 * RNG.normal(size=len(odd)), labels["specobjid"]),
        "guesses": pd.Series(RNG.normal(size=len(odd)), labels["specobjid"]),
    }
    table = rank_outliers(scores, labels, manifest, 200).set_index("method")
    assert [*table.columns] == COLUMNS[1:]
    assert table.loc["knows", "roc_auc_lo"] > 0.9
    assert table.loc["guesses", "roc_auc_lo"] < 0.5 < table.loc["guesses", "roc_auc_hi"]
    assert table.loc["knows", "recall_at_n"] > 0.7 > table.loc["guesses", "recall_at_n"]


def test_lenses_are_neither_outliers_nor_ordinary():
    labels, manifest = labelled()
    table = rank_outliers({"m": pd.Series(1.0, labels["specobjid"])}, labels, manifest, 10)
    assert table["n"].iloc[0] == 380
    assert table["n_outlier"].iloc[0] == 20


def test_methods_are_compared_on_spectra_that_all_have():
    labels, manifest = labelled()
    some = pd.Series(1.0, labels["specobjid"][:100])
    table = rank_outliers({"a": pd.Series(1.0, labels["specobjid"]), "b": some}, labels, manifest, 10)
    assert (table["n"] == 95).all()
