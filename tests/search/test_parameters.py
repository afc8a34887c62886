"""What is known of the neighbours says what a galaxy is like."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.embeddings import Embeddings
from galspec_core.search.parameters import COLUMNS, TOLD, read_values, scatter, score_parameters
from galspec_core.search.vote import VoteSettings

SETTINGS = VoteSettings()


def survey(n=600, seed=0, noise=0.05):
    """Return embeddings of galaxies whose first two numbers are vdisp and redshift, a manifest and their values."""
    rng = np.random.default_rng(seed)
    ids = np.arange(2, n + 2, dtype="u8")
    x = rng.uniform(size=(n, 2))
    side = np.where(np.arange(n) % 4 < 3, "training", "test")
    manifest = pd.DataFrame({"specobjid": ids, "position": ids, "side": side, "z": x[:, 1]})
    values = pd.DataFrame({"specobjid": ids, "vdisp": 100 + 200 * x[:, 0], "luck": rng.normal(size=n)})
    vectors = (x + noise * rng.normal(size=x.shape)).astype("f4")
    return Embeddings(ids, vectors, ids[:0], np.empty((n, 0), "f4")), manifest, values


def table(embeddings, manifest, values, told=()):
    found = score_parameters({"m": embeddings}, manifest, values, 10, SETTINGS, set(told), 200)
    assert list(found.columns) == COLUMNS
    return found.set_index("parameter")


def test_what_the_embedding_holds_is_estimated_and_what_it_does_not_hold_is_not():
    rows = table(*survey())
    assert rows.loc["vdisp", "scatter"] < 0.4 * rows.loc["vdisp", "guess_scatter"]
    assert rows.loc["vdisp", "rank_correlation"] > 0.9
    assert rows.loc["luck", "scatter"] > 0.8 * rows.loc["luck", "guess_scatter"]
    assert abs(rows.loc["luck", "rank_correlation"]) < 0.3
    assert rows.loc["vdisp", "n"] == 150


def test_intervals_hold_their_values():
    rows = table(*survey())
    for name in ("bias", "scatter", "outlier_fraction", "rank_correlation"):
        assert (rows[f"{name}_lo"] <= rows[name] + 1e-9).all()
        assert (rows[name] <= rows[f"{name}_hi"] + 1e-9).all()


def test_a_row_says_when_the_encoder_was_told_the_redshift():
    assert table(*survey()).loc["z", "note"] == ""
    assert table(*survey(), told=["m"]).loc["z", "note"] == TOLD


def test_a_galaxy_without_a_value_is_neither_asked_nor_answers():
    embeddings, manifest, values = survey()
    bare = values.copy()
    bare.loc[np.arange(len(bare)) % 8 >= 4, "vdisp"] = np.nan
    rows = table(embeddings, manifest, bare)
    assert rows.loc["vdisp", "n"] == 75
    assert rows.loc["vdisp", "n_known"] == 225
    assert rows.loc["vdisp", "rank_correlation"] > 0.9


def test_a_parameter_with_too_few_values_has_no_row():
    embeddings, manifest, values = survey()
    values.loc[5:, "vdisp"] = np.nan
    assert "vdisp" not in table(embeddings, manifest, values).index


@pytest.mark.parametrize("kind", ["csv", "parquet", "fits"])
def test_values_come_from_any_table_and_ids_stay_whole(tmp_path, kind):
    from astropy.table import Table

    frame = pd.DataFrame({"specobjid": np.array([2**63 + 1, 7], "u8"), "vdisp": [150.0, 200.0]})
    path = tmp_path / f"values.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        Table.from_pandas(frame).write(path)
    found = read_values(path, ["vdisp"])
    assert found["specobjid"].tolist() == [2**63 + 1, 7]
    assert found["vdisp"].tolist() == [150.0, 200.0]
    with pytest.raises(SearchError, match="mass"):
        read_values(path, ["mass"])


def test_without_a_table_only_the_redshift_is_estimated():
    embeddings, manifest, _ = survey()
    assert table(embeddings, manifest, read_values([], [])).index.tolist() == ["z"]


def test_scatter_is_the_deviation_of_a_gaussian_and_blind_to_one_bad_value():
    errors = np.random.default_rng(0).normal(3, 2, 20000)
    assert scatter(errors) == pytest.approx(2, rel=0.03)
    assert scatter(np.append(errors, 1e9)) == pytest.approx(2, rel=0.03)
