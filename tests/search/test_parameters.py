"""Parameters from neighbours: what neighbours measure, never one's own galaxy."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from scipy.stats import spearmanr

from galspec_core.catalogs.quantities import Quantity, read_quantity
from galspec_core.encoder.embed import write_embedding
from galspec_core.errors import CatalogError
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.parameters import estimate, estimate_learnt, judge, parameters_table, scatter

SEARCH = dict(weight="exp", normalise="sum", epsilon=1e-6, scale="paper")
VOTE = {**SEARCH, "learnt": {"methods": ["near"], "trees": 20}}
MASS = Quantity("MASS", "linear", 0, 20, 0.5, "dex")
N = 300


def survey():
    ids = np.arange(N, dtype="u8") + np.uint64(2**63)
    side = np.where(np.arange(N) % 3 == 0, "test", "training")
    fibre = dict(plate=np.full(N, 8200), mjd=np.full(N, 57000), fiberid=np.arange(1, N + 1))
    return pd.DataFrame({"specobjid": ids, "position": np.arange(N, dtype="u8"), "side": side, **fibre})


def test_judging_errors_of_known_size():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, 4000)
    error = rng.normal(0.3, 0.2, 4000)
    ranks = np.stack([(truth + error).argsort().argsort(), truth.argsort().argsort()]) + 1
    bias, spread, outliers, r = judge(error, ranks, 0.7, np.ones(4000, int))
    assert bias == pytest.approx(0.3, abs=0.02)
    assert spread == pytest.approx(0.2, abs=0.02)
    assert outliers == pytest.approx(0.0228, abs=0.006)  # 2 sigma above 0.3, none below
    assert r == pytest.approx(spearmanr(truth + error, truth).statistic)


def test_scatter_of_a_gaussian_is_its_deviation():
    assert scatter(np.random.default_rng(1).normal(5, 2, 100_000)) == pytest.approx(2, abs=0.02)


def test_an_estimate_is_the_weighted_mean_of_the_nearest_that_have_a_value():
    ids = np.arange(5, dtype="u8") + np.uint64(1)
    at = pd.DataFrame({"specobjid": ids, "position": ids, "label": ""})
    base = KnowledgeBase.build(np.array([[0.0], [1.0], [2.0], [3.0], [0.5]]), at)
    values = np.array([10.0, np.nan, 20.0, 30.0, 99.0])
    asked = pd.DataFrame(
        {"specobjid": np.array([77], "u8"), "position": np.array([5], "u8")}
    )  # the position of the last
    found = estimate(base, values, np.array([[0.0]]), asked, 2, SEARCH)
    assert found[0] == pytest.approx((10 + 20 * np.exp(-2)) / (1 + np.exp(-2)))


def test_a_quantity_the_embedding_shows_is_found_and_one_it_does_not_is_a_guess(tmp_path):
    rng = np.random.default_rng(2)
    manifest, shown = survey(), rng.normal(0, 1, N)
    vectors = np.stack([shown, np.zeros(N)], axis=1).astype("f4")
    write_embedding(tmp_path / "0.parquet", manifest["specobjid"].to_numpy(), vectors)
    quantities = {"mass": MASS, "random": MASS, "none": MASS, "z": MASS}
    values = {"mass": shown + 10, "random": rng.normal(10, 1, N), "none": np.full(N, np.nan), "z": shown}
    paths = {"near": [tmp_path / "0.parquet"], "far": [tmp_path / "0.parquet"]}
    frames = {"near": "rest", "far": "observed"}
    table = parameters_table(quantities, values, paths, frames, manifest, VOTE, 10, 50)
    assert set(table.loc[table["vote"] == "learnt", "method"]) == {"near"}
    table = table[table["vote"] == "fixed"].set_index(["method", "parameter"])
    mass, blind = table.loc[("near", "mass")], table.loc[("near", "random")]
    assert mass["r"] > 0.99
    assert mass["scatter"] < 0.1 * mass["scatter_of_guess"]
    assert mass["r_lo"] <= mass["r"] <= mass["r_hi"]
    assert mass["scatter_lo"] < mass["scatter"] < mass["scatter_hi"]
    assert abs(blind["r"]) < 0.3
    assert blind["scatter"] > 0.8 * blind["scatter_of_guess"]
    assert table.loc[("near", "none"), "note"] == "no values"
    assert "rest frame" in table.loc[("near", "z"), "note"]
    assert table.loc[("near", "z"), "n"] == 0
    assert table.loc[("far", "z"), "n"] == (manifest["side"] == "test").sum()


def test_a_learnt_vote_sees_past_numbers_that_tell_nothing():
    rng = np.random.default_rng(3)
    vectors = np.hstack([rng.normal(0, 1, (N, 1)), rng.normal(0, 5, (N, 10))])
    values = np.where(np.arange(N) % 10 == 0, np.nan, vectors[:, 0])
    queries = np.hstack([rng.normal(0, 1, (N, 1)), rng.normal(0, 5, (N, 10))])
    ids = np.arange(N, dtype="u8")
    base = KnowledgeBase.build(vectors, pd.DataFrame({"specobjid": ids, "position": ids, "label": ""}))
    asked = pd.DataFrame({"specobjid": ids + np.uint64(N), "position": ids + np.uint64(N)})
    by_distance = estimate(base, values, queries, asked, 10, SEARCH)
    by_forest = estimate_learnt(vectors, values, queries, 50)
    assert scatter(by_distance - queries[:, 0]) > 0.6
    assert scatter(by_forest - queries[:, 0]) < 0.3
    assert np.nanmin(values) <= by_forest.min() < by_forest.max() <= np.nanmax(values)  # means of what is there


def test_a_learnt_estimate_does_not_depend_on_threads():
    rng = np.random.default_rng(4)
    vectors, queries = rng.normal(0, 1, (N, 4)), rng.normal(0, 1, (N, 4))
    one, two = (estimate_learnt(vectors, vectors[:, 0], queries, 20, threads) for threads in (1, 2))
    assert (one == two).all()


def test_values_are_matched_by_identifier_or_fibre_and_the_first_file_counts(tmp_path):
    manifest = survey()
    ids = manifest["specobjid"].to_numpy().astype("U20")
    Table({"SPECOBJID": ids[:2], "MASS": [9.0, -9999.0]}).write(tmp_path / "a.fits")
    by_fibre = {name.upper(): manifest[name].to_numpy()[:3] for name in ("plate", "mjd", "fiberid")}
    Table({**by_fibre, "MASS": [1.0, 11.0, 12.0]}).write(tmp_path / "b.fits")
    Table({"SPECOBJID": ids[:2], "OTHER": [1.0, 2.0]}).write(tmp_path / "c.fits")
    paths = [tmp_path / f"{name}.fits" for name in "cab"]
    found = read_quantity(MASS, paths, manifest)
    assert found[:3].tolist() == [9, 11, 12]  # -9999 is no measurement
    assert np.isnan(found[3:]).all()


def test_tables_of_text_keep_every_digit_of_an_identifier(tmp_path):
    manifest = survey()
    pd.DataFrame({"specobjid": manifest["specobjid"], "mass": np.arange(N) / 100}).to_csv(
        tmp_path / "t.csv", index=False
    )
    quantity = Quantity("mass", "log10", 0.01, 20, 0.5, "dex")
    found = read_quantity(quantity, [tmp_path / "t.csv"], manifest)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx(np.log10(np.arange(1, N) / 100))


def test_one_of_several_numbers_in_a_column(tmp_path):
    manifest = survey()
    Table({"SPECOBJID": manifest["specobjid"].to_numpy().astype("U20"), "EW": np.arange(2.0 * N).reshape(N, 2)}).write(
        tmp_path / "e.fits"
    )
    found = read_quantity(Quantity("EW", "asinh", -50, 5000, 1, "", 1), [tmp_path / "e.fits"], manifest)
    assert found == pytest.approx(np.arcsinh(2 * np.arange(N) + 1))


def test_a_table_without_identifiers_is_named(tmp_path):
    Table({"MASS": [1.0]}).write(tmp_path / "x.fits")
    with pytest.raises(CatalogError, match=r"x\.fits"):
        read_quantity(MASS, [tmp_path / "x.fits"], survey())
