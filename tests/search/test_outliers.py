"""Outliers without labels: what lies far is odd, and the numbers are those of the libraries."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from galspec_core.encoder.embed import write_embedding
from galspec_core.errors import SearchError
from galspec_core.search.outliers import candidates, log_distance, measure, rank_outliers

IDS = np.arange(200, dtype="u8") + np.uint64(2**63)
MANIFEST = pd.DataFrame({"specobjid": IDS, "position": np.arange(200, dtype="u8")})


def test_measures_are_those_of_scikit_learn_ties_and_weights_too():
    rng = np.random.default_rng(0)
    member, score = rng.random(80) < 0.2, rng.integers(0, 9, 80).astype("f8")
    times = rng.integers(0, 4, (5, 80)).astype("f8")
    for found, weight in zip(measure(member, score, times), times, strict=True):
        assert found[0] == pytest.approx(roc_auc_score(member, score, sample_weight=weight))
        assert found[1] == pytest.approx(average_precision_score(member, score, sample_weight=weight))


def test_recall_among_the_first_n():
    member = np.array([True, False, True, False, False])
    found = measure(member, np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([[1.0] * 5, [0.0, 1.0, 1.0, 1.0, 1.0]]))
    assert found[:, 2].tolist() == [0.5, 0.0]
    assert np.isnan(measure(np.zeros(3, bool), np.arange(3.0), np.ones((1, 3)))).all()


def test_a_galaxy_is_not_near_itself():
    known = MANIFEST.iloc[:4]
    x = np.array([[0.0], [1.0], [2.0], [10.0]])
    alone = log_distance(x, x[3:], known, known.iloc[3:], 1)
    assert alone == pytest.approx(np.log(8))
    with pytest.raises(SearchError, match="too few"):
        log_distance(x, x, known, known, 5)


def roles_of(labels):
    role = np.where(np.arange(200) < 100, "pretrain", "test")
    return pd.DataFrame(
        {"specobjid": IDS, "task": np.where(role == "test", "outlier", ""), "role": role, "label": labels}
    )


def test_a_lens_is_neither_right_nor_wrong_but_an_outlier_with_a_lens_counts():
    labels = ["SF"] * 197 + ["Lens", "Lens+Outlier", "Outlier+SF"]
    found = candidates(roles_of(labels), "outlier")
    assert found["specobjid"].tolist() == [*IDS[100:197], *IDS[198:]]
    assert found["member"].sum() == 2


@pytest.mark.parametrize("where", ["embedding", "evidence"])
def test_surprise_sees_what_is_odd_in_the_embedding_and_what_is_odd_beside_it(tmp_path, where):
    rng = np.random.default_rng(1)
    vectors = {name: rng.normal(0, 1, (200, 3)).astype("f4") for name in ("embedding", "evidence")}
    vectors[where][190:] += 8
    write_embedding(tmp_path / "0.parquet", IDS, vectors["embedding"], vectors["evidence"])
    roles = roles_of(["SF"] * 190 + ["Outlier"] * 10)
    blind = {"blind": pd.Series(rng.random(200), index=IDS)}
    table = rank_outliers("outlier", roles, MANIFEST, {"galspec": [tmp_path / "0.parquet"]}, blind, 5, 50)
    table = table.set_index("method")
    assert table.loc["galspec surprise", ["roc_auc", "recall_at_n"]].tolist() == [1, 1]
    assert (table.loc["galspec distance", "roc_auc"] > 0.9) == (where == "embedding")
    assert table.loc["blind", "roc_auc_lo"] < 0.5 < table.loc["blind", "roc_auc_hi"]
    assert table["n_outlier"].tolist() == [10] * 3
    assert table["note"].str.contains("too few").all()


def test_labels_do_not_move_a_score(tmp_path):
    """The same spectra with other labels: scores of each spectrum and so the ranking stay."""
    x = np.random.default_rng(2).normal(0, 1, (200, 2)).astype("f4")
    write_embedding(tmp_path / "0.parquet", IDS, x)
    args = MANIFEST, {"pca": [tmp_path / "0.parquet"]}, {}, 5, 10
    one, other = (rank_outliers("outlier", roles_of(["SF"] * 100 + words), *args)["roc_auc"].iloc[0] for words in (
        ["Outlier"] * 40 + ["SF"] * 60, ["SF"] * 40 + ["Outlier"] * 60))  # fmt: skip
    assert one == pytest.approx(1 - other)
