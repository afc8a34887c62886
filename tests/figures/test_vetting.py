"""The page of candidates in a browser: it opens from a file, and does what its keys say."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from galspec_core.figures.links import SIMULATED
from tests.figures.conftest import N, write_ring_page
from tests.figures.vetting import Page


def test_the_page_opens_from_a_file_and_draws_without_a_complaint(fresh):
    assert fresh.text("shown") == f"{N} of {N} shown"
    assert fresh.text("name") == "1. 8000-57000-0001"
    assert all(fresh.ink(canvas)[0] > 1000 for canvas in ("spectrum", "windows", "near"))
    assert not fresh.browser.find_element(By.ID, "residual").is_displayed()  # without a model nothing is left of it
    assert fresh.complaints() == []


def test_markup_in_a_reason_is_shown_and_not_run(fresh):
    fresh.press("j")
    assert fresh.text("reason").startswith("</script><script>document.title")
    assert fresh.browser.title == "Ring candidates"
    assert fresh.complaints() == []


def test_find_filter_and_sort_choose_what_the_list_shows(fresh):
    fresh.press("/", "number 3")
    assert len(fresh.shown()) == 11
    fresh.press(Keys.ESCAPE)
    assert fresh.browser.execute_script("return document.activeElement.id") == "list"
    fresh.browser.find_element(By.ID, "find").clear()
    fresh.browser.execute_script("$('find').value = ''; $('sort').value = 'z'; $('reverse').checked = true; arrange()")
    assert fresh.shown()[0] == f"8000-57000-{N:04d}"
    fresh.browser.find_element(By.ID, "z-low").send_keys("0.08")
    assert len(fresh.shown()) == N - 30


def test_a_filter_that_nothing_passes_leaves_an_empty_list(fresh):
    fresh.press("/", "no such word")
    assert fresh.text("shown") == f"0 of {N} shown"
    fresh.press(Keys.ESCAPE, "k", "j")
    assert fresh.complaints() == []


def test_zoom_and_switches_draw_without_a_complaint(fresh):
    fresh.press("+", "]", "s", "b")
    assert fresh.browser.execute_script("return view.zoom !== null")
    fresh.press("0")
    assert fresh.browser.execute_script("return view.zoom === null")
    assert fresh.complaints() == []


def test_a_drag_zooms_to_what_it_went_over_and_only_if_it_began_on_the_spectrum(fresh):
    canvas = fresh.browser.find_element(By.ID, "spectrum")
    reason = fresh.browser.find_element(By.ID, "reason")
    fresh.press("+")
    before = fresh.browser.execute_script("return view.zoom")
    ActionChains(fresh.browser).click_and_hold(reason).move_to_element(canvas).release().perform()
    assert fresh.browser.execute_script("return view.zoom") == before
    low, high = fresh.browser.execute_script("return [100, 300].map(view.shown.panel.wave)")
    left = 100 - canvas.size["width"] // 2
    drag = ActionChains(fresh.browser).move_to_element_with_offset(canvas, left, 0).click_and_hold()
    drag.move_by_offset(200, 0).release().perform()
    fresh.settle()
    step = (high - low) / 200  # a pixel
    assert fresh.browser.execute_script("return view.zoom") == pytest.approx([low, high], abs=step)
    assert fresh.complaints() == []


def test_what_is_pressed_before_the_first_spectrum_is_drawn_does_nothing(fresh):
    fresh.browser.execute_script("""
        view.shown = undefined;
        KEYS["+"](); KEYS["]"]();
        for (const kind of ["pointerdown", "pointermove", "pointerup"]) canvas.dispatchEvent(new PointerEvent(kind));
    """)
    assert fresh.browser.execute_script("return [view.zoom, view.drag]") == [None, None]
    assert fresh.complaints() == []


def test_the_keyboard_alone_reaches_everything_and_the_list_says_what_is_chosen(fresh):
    fresh.press("j")
    chosen = fresh.browser.execute_script(
        "return document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    )
    assert chosen.get_attribute("aria-selected") == "true"
    assert chosen.get_attribute("aria-posinset") == "2"
    reached = set()
    for _ in range(20):
        fresh.press(Keys.TAB)
        reached.add(fresh.browser.execute_script("const e = document.activeElement; return e.id || e.dataset.mark"))
    assert {"keep", "drop", "unsure", "note", "archive", "image", "export", "find", "sort", "list"} <= reached
    fresh.press("?")
    assert fresh.browser.find_element(By.ID, "help").is_displayed()


def test_dark_mode_changes_the_page_and_what_is_drawn(fresh):
    light = fresh.ink("spectrum")[1]
    emulate = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    fresh.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulate)
    fresh.settle()
    drawn, dark = fresh.ink("spectrum")
    fresh.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert drawn > 1000
    assert dark != light


def test_links_name_the_spectrum_and_the_place(fresh):
    spectrum, image = (fresh.browser.find_element(By.ID, name).get_attribute("href") for name in ("archive", "image"))
    assert spectrum == f"https://skyserver.sdss.org/dr16/en/tools/explore/summary.aspx?sid={2**63 + 1}"
    assert "ra=150&dec=2.5&" in image


def test_a_desi_spectrum_has_its_own_name_and_link_and_no_snr(browser, tmp_path):
    """Of a HEALPixel all have one plate, mjd 0 and fiberid 0; the catalogue has no S/N."""
    path, _ = write_ring_page(tmp_path, "desi", plate=266, mjd=0, fiberid=0, snr=float("nan"))
    desi = Page(browser, path)
    assert desi.text("name") == f"1. {2**63 + 1}"
    assert len(set(desi.shown())) == N
    assert "S/N\n–" in desi.text("facts")
    address = browser.find_element(By.ID, "archive").get_attribute("href")
    assert address == f"https://www.legacysurvey.org/viewer/desi-spectrum/dr1/targetid{2**63 + 1}"
    browser.execute_script("$('sort').value = 'snr'; arrange()")
    assert desi.shown()[0] == str(2**63 + 1)
    assert desi.complaints() == []


def test_a_simulated_galaxy_leads_nowhere(browser, tmp_path):
    simulated = Page(browser, write_ring_page(tmp_path, "simulated")[0])
    assert not any(browser.find_element(By.ID, name).is_displayed() for name in ("archive", "image"))
    assert browser.find_element(By.CLASS_NAME, "links").text == SIMULATED
    assert simulated.complaints() == []
