"""A map keeps neighbours together, shows what it holds, and opens without a network."""

import base64
import json
import re
import sys

import numpy as np
import pytest

from galspec_core.errors import ConfigError, SearchError
from galspec_core.figures.links import SIMULATED
from galspec_core.figures.map import (
    NO_DATA,
    TOP,
    UNLABELLED,
    binned,
    choose_points,
    lay_out,
    map_table,
    pixels_that_fit,
    thumbnails,
    to_bytes,
)
from galspec_core.figures.map_page import map_page, page_data
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.shard import Gridded, write_gridded
from tests.figures.maps import BASE, NASTY, survey


def clusters(n=400, dimension=20, groups=8):
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 4, (groups, dimension))
    return (centres[np.arange(n) % groups] + rng.normal(size=(n, dimension))).astype("f4")


def test_neighbours_on_the_map_are_neighbours_in_the_embedding():
    """Trustworthiness is 1 where all are, near 0.5 for places drawn at random."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import trustworthiness

    vectors = clusters()
    places = lay_out(vectors, seed=0)
    found, axes, chance = (
        trustworthiness(vectors, y, n_neighbors=10)
        for y in (places, PCA(2, random_state=0).fit_transform(vectors), np.random.default_rng(0).normal(size=(400, 2)))
    )
    assert chance < 0.6 < axes < found
    assert np.array_equal(places, lay_out(vectors, seed=0))


def test_few_points_are_laid_out_and_too_few_are_refused():
    assert np.isfinite(lay_out(clusters(6), seed=0)).all()
    with pytest.raises(SearchError, match="at least 4; got 3"):
        lay_out(clusters(3), seed=0)


def test_a_vector_that_is_not_finite_is_named():
    vectors = clusters(20)
    vectors[7, 0] = np.nan
    with pytest.raises(SearchError, match="7: an embedding is not finite"):
        lay_out(vectors, seed=0)


def test_without_the_library_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigError, match=r"umap-learn.*\.\[map\]"):
        lay_out(clusters(20), seed=0)


def test_points_are_a_seeded_sample_without_rejected_spectra():
    manifest, _ = survey(40)
    chosen = choose_points(manifest, manifest["specobjid"][:10], 20, seed=5)
    assert len(chosen) == 20
    assert chosen["specobjid"].is_monotonic_increasing
    assert chosen["specobjid"].min() >= BASE + 10
    assert chosen.equals(choose_points(manifest, manifest["specobjid"][:10], 20, seed=5))
    assert len(choose_points(manifest, [], 100, seed=5)) == 40


def test_a_spectrum_has_all_its_labels_or_none(table):
    assert list(table["class"][[0, 1, 2]]) == ["SF", UNLABELLED, "LINER+Lens"]
    assert table["specobjid"].dtype == np.uint64


def test_a_column_that_no_table_has_is_named():
    manifest, labels = survey(5)
    with pytest.raises(ConfigError, match="zz"):
        map_table(manifest, np.zeros((5, 2)), labels, ["zz"])


@pytest.mark.parametrize(("n", "pixels"), [(10, 400), (50_000, 160), (100_000, 80), (1_000_000, 0)])
def test_eight_megabytes_are_enough_for_all_or_none_is_shown(n, pixels):
    assert pixels_that_fit(n, 8e6) == pixels
    assert n * pixels <= 8e6


def test_bytes_give_the_flux_back_to_half_a_step():
    flux = np.random.default_rng(1).normal(1, 2, (5, 50))
    flux[1, 3], flux[2] = np.nan, np.nan
    values, low, high = to_bytes(flux)
    back = low[:, None] + values / TOP * (high - low)[:, None]
    assert (values == NO_DATA).sum() == 51
    seen = np.isfinite(flux)
    assert np.abs(back - flux)[seen].max() <= 0.51 * (high - low).max() / TOP


def test_bins_keep_the_mean_of_good_pixels():
    flux, ivar = np.arange(12.0)[None], np.ones((1, 12))
    ivar[0, 4:8], ivar[0, 0] = 0, 0
    assert np.array_equal(binned(flux, ivar, [0, 4, 8]), [[2, np.nan, 9.5]], equal_nan=True)


def test_thumbnails_follow_the_order_of_the_points(tmp_path):
    grid = Grid("observed", "linear", (4000.0, 9000.0), 100)
    ids = np.array([BASE, BASE + 1], dtype="u8")
    ramp = np.linspace(0, 1, 100, dtype="f4")
    flux = np.stack([ramp, 5 - ramp])
    write_gridded(tmp_path / "0000.parquet", Gridded(ids, np.zeros(2, "f4"), flux, np.ones_like(flux)))
    found = thumbnails(ids[::-1], [tmp_path / "0000.parquet"], grid, 50)
    assert found.values.shape == (2, 50)
    assert found.values[0, 0] == TOP == found.values[1, -1]
    assert found.high[0] > 4 > found.high[1]
    assert thumbnails(ids, [], grid, 0) is None


def test_no_word_of_a_table_becomes_markup(table):
    page = map_page(table, None, f"Map of {NASTY}")
    assert "<script>alert" not in page
    assert page.count("</script>") == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert NASTY in data["columns"][0]["categories"]


def test_the_page_names_no_origin_but_links(table):
    page = map_page(table, None, "Map")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?:|unsafe|\*", policy)
    assert set(re.findall(r"https?://[^\"/]+", page)) == {"https://skyserver.sdss.org"}
    assert not re.search(r"<[^>]+\son\w+=|<[^>]+\sstyle=|innerHTML|document\.write|eval\(", page)


def test_a_desi_spectrum_has_a_link_of_its_own(table):
    page = map_page(table, None, "Map", "desi")
    assert "desi-spectrum/dr1/targetid" in page
    assert "skyserver" not in page


def test_a_simulated_spectrum_has_none(table):
    page = map_page(table, None, "Map", "simulated")
    assert SIMULATED in page
    assert not re.findall(r"https?://", page)


def test_packed_columns_are_the_table(table):
    data = page_data(table, None, "Map", "")
    ids = np.frombuffer(base64.b64decode(data["points"]["specobjid"]), "<u8")
    assert np.array_equal(ids, table["specobjid"])
    z = next(column for column in data["columns"] if column["name"] == "z")
    assert np.array_equal(np.frombuffer(base64.b64decode(z["data"]), "<f4"), table["z"].astype("f4"))


def test_rare_categories_are_shown_as_one(table):
    many = table.assign(instrument=[f"i{k % 20}" for k in range(len(table))])
    column = next(c for c in page_data(many, None, "Map", "")["columns"] if c["name"] == "instrument")
    assert len(column["categories"]) == 12
    numbers = np.frombuffer(base64.b64decode(column["data"]), "u1")
    assert (numbers == column["categories"].index("other")).sum() == 18
