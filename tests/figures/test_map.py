"""A map keeps neighbours together, shows what it holds, and opens without a network."""

import base64
import json
import re
import sys
import time

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import ConfigError, SearchError
from galspec_core.figures.map import (
    NO_DATA,
    TOP,
    UNLABELLED,
    Thumbnails,
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
from tests.figures.browser import open_browser

BASE = 2**63 + 7
NASTY = '</script><script>alert(1)</script>&"'


def survey(n):
    """Return the manifest and the labels of ``n`` spectra: the third label is one that a page must not run."""
    ids = np.arange(BASE, BASE + n, dtype="u8")
    manifest = pd.DataFrame(
        dict(specobjid=ids, plate=np.int32(9000), mjd=np.int32(57000), fiberid=np.arange(1, n + 1, dtype="i4"))
    ).assign(ra=1.0, dec=2.0, z=np.linspace(0.01, 0.3, n), snr=np.linspace(2, 30, n), instrument="BOSS")
    words = [["SF"], ["LINER", "Lens"], [NASTY]]
    labels = pd.DataFrame(dict(specobjid=ids[::2], labels=[words[i % 3] for i in range(len(ids[::2]))]))
    return manifest, labels.assign(held_out=[[]] * len(labels), log_nii_ha=np.nan)


@pytest.fixture(scope="module")
def table():
    manifest, labels = survey(40)
    places = np.random.default_rng(0).normal(size=(40, 2)).astype("f4")
    return map_table(manifest, places, labels, ["z", "snr", "log_nii_ha", "instrument"])


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


@pytest.fixture(scope="module")
def browser(tmp_path_factory, table):
    """A browser that shows the map of 40 spectra, each with a spectrum of 80 pixels."""
    folder = tmp_path_factory.mktemp("map")
    values = np.random.default_rng(2).integers(0, 256, (40, 80), dtype="u1")
    low, high = np.zeros(40, "f4"), np.ones(40, "f4")
    spectra = Thumbnails(np.linspace(3600, 9000, 80), "observed", values, low, high)
    (folder / "map.html").write_text(map_page(table, spectra, "Map"), encoding="utf-8")
    with open_browser(folder) as chrome:
        chrome.get(f"file://{folder / 'map.html'}")
        yield chrome
        assert chrome.get_log("browser") == []


def wait(condition, seconds=10):
    """Return once a condition holds; fail after some time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def by_id(chrome, name):
    return chrome.find_element("id", name)


def at_point(chrome, i):
    """Return the actions that put the mouse on point ``i``."""
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = by_id(chrome, "map")
    x, y = chrome.execute_script(f"return toPixel(X[{i}], Y[{i}])")
    size = canvas.size
    return ActionChains(chrome).move_to_element_with_offset(canvas, x - size["width"] / 2, y - size["height"] / 2)


def test_the_mouse_on_a_point_names_it_and_a_click_shows_its_spectrum(browser, table):
    at_point(browser, 5).perform()
    wait(lambda: by_id(browser, "tip").is_displayed())
    assert by_id(browser, "tip").text.splitlines() == ["9000-57000-0006", "class unlabelled", "z 0.04718"]
    at_point(browser, 5).click().perform()
    wait(lambda: by_id(browser, "say").text == "9000-57000-0006")
    assert by_id(browser, "flux").is_displayed()
    assert by_id(browser, "link").get_attribute("href").endswith(f"sid={table['specobjid'][5]}")


def test_the_menu_offers_every_column_and_changes_the_colours(browser):
    from selenium.webdriver.support.ui import Select

    menu = Select(by_id(browser, "colour"))
    assert [o.text for o in menu.options] == ["class", "z", "snr", "log_nii_ha", "instrument"]
    before = browser.execute_script("return palette.length")
    menu.select_by_visible_text("snr")
    assert by_id(browser, "bar").is_displayed()
    assert browser.execute_script("return palette.length") != before
    menu.select_by_visible_text("class")
    assert not by_id(browser, "bar").is_displayed()


def test_a_class_is_hidden_and_brought_out_by_its_legend(browser):
    tick = browser.find_element("css selector", "#legend input")
    button = browser.find_element("css selector", "#legend button")
    tick.click()
    assert browser.execute_script("return Array.from(X.keys()).filter(visible).length") == 20
    tick.click()
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert browser.execute_script("return state.bright.size") == 0


def test_keys_move_and_zoom_and_open_the_middle(browser):
    canvas = by_id(browser, "map")
    canvas.send_keys("++")
    assert browser.execute_script("return state.zoom") == pytest.approx(1.96)
    canvas.send_keys("\ue014")  # arrow right
    assert browser.execute_script("return state.x > (LEFT + RIGHT) / 2")
    canvas.send_keys("\ue007")  # enter
    assert browser.execute_script("return state.chosen") >= 0
    canvas.send_keys("0")
    assert browser.execute_script("return state.zoom") == 1


def test_points_of_a_large_map_are_blended_pixels(browser):
    """What draws more than 20,000 points: half of blue over whole red, and what is beside stays clear."""
    found = browser.execute_script("""
        const context = document.createElement("canvas").getContext("2d"), paint = squares(context, 3);
        paint.point(50, 50, "#ff0000", 1); paint.point(50, 50, "rgb(0,0,255)", 0.5); paint.done();
        const row = context.getImageData(50, 50, 11, 1).data;
        return [...row.slice(0, 4), ...row.slice(40)];
    """)
    assert found == pytest.approx([128, 0, 128, 255, 0, 0, 0, 0], abs=1)


def test_no_class_lies_on_top_of_the_others(browser):
    """Points are drawn in a mixed order that is a permutation of all."""
    order = browser.execute_script("return Array.from(ORDER)")
    assert sorted(order) == list(range(40))
    assert order != sorted(order)


@pytest.mark.parametrize("name", ["9000-57000-0012", str(BASE + 11)])
def test_a_spectrum_is_found_by_name(browser, name):
    field = by_id(browser, "name")
    field.clear()
    field.send_keys(f"{name}\n")
    assert by_id(browser, "say").text == "9000-57000-0012"


def test_a_name_that_is_not_there_is_said(browser):
    field = by_id(browser, "name")
    field.clear()
    field.send_keys("1-2-3\n")
    assert "No spectrum 1-2-3" in by_id(browser, "say").text


def test_a_dark_page_is_dark_and_everything_has_a_name(browser):
    def back():
        return browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    light = back()
    by_id(browser, "theme").click()
    assert back() != light
    by_id(browser, "theme").click()
    elements = browser.find_elements("css selector", "select, input, button, canvas:not([hidden]), a:not([hidden])")
    assert all(found.accessible_name for found in elements if found.is_displayed())
