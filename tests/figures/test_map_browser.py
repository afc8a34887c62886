"""What a browser does with the page of a map: hover, click, legend, keys, search, dark mode."""

import time

import numpy as np
import pytest

from galspec_core.figures.map import Thumbnails
from galspec_core.figures.map_page import map_page
from galspec_core.spectra.names import spectrum_name
from tests.figures.browser import open_browser
from tests.figures.maps import BASE


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


def test_the_page_names_a_spectrum_as_everything_else_does(browser, table):
    assert browser.execute_script("return Array.from(X.keys()).map(nameOf)") == [
        *map(spectrum_name, table.itertuples())
    ]
    browser.execute_script("MJD[3] = FIBER[3] = 0")  # as of DESI
    seen = table.iloc[3].copy()
    seen["mjd"] = seen["fiberid"] = 0
    assert browser.execute_script("return nameOf(3)") == spectrum_name(seen) == str(table["specobjid"][3])
    browser.execute_script("MJD[3] = 57000; FIBER[3] = 4")


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
