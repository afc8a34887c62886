"""The page of candidates in a browser: it opens from a file, and does what its keys say."""

import csv
import time

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from galspec_core.catalogs.user_table import read_user_table
from tests.figures.browser import open_browser
from tests.figures.conftest import N


class Page:
    """A page in a browser, as a person at the keyboard sees it."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.get(path.as_uri())
        self.settle()

    def press(self, *keys):
        """Press keys one after another, and wait until the candidate is drawn."""
        ActionChains(self.browser).send_keys(*keys).perform()
        self.settle()

    def settle(self):
        """Wait until the candidate that is chosen is drawn."""
        self.until("return !order.length || document.body.dataset.drawn === order[at].id")

    def until(self, script):
        """Wait for a script to be true."""
        for _ in range(200):
            if self.browser.execute_script(script):
                return
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}")

    def text(self, name):
        """Return the text of an element."""
        return self.browser.find_element(By.ID, name).text

    def complaints(self):
        """Return what the browser's console says."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def shown(self):
        """Return the names in the list, in its order."""
        return self.browser.execute_script("return order.map((one) => one.name)")

    def ink(self, canvas):
        """Return how many pixels of a canvas are drawn on, and the colour of the page."""
        script = """const c = document.getElementById(arguments[0]);
        const values = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let n = 0;
        for (let i = 3; i < values.length; i += 4) n += values[i] > 0;
        return [n, getComputedStyle(document.body).backgroundColor];"""
        return self.browser.execute_script(script, canvas)


def wait_for(path):
    """Wait until a download has its name."""
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with open_browser(folder) as chrome:
        chrome.folder = folder
        yield chrome


@pytest.fixture
def fresh(browser, page):
    """Give the page without a mark."""
    browser.get(page[0].as_uri())
    browser.execute_script("localStorage.clear()")
    browser.get_log("browser")
    return Page(browser, page[0])


def test_the_page_opens_from_a_file_and_draws_without_a_complaint(fresh):
    assert fresh.text("shown") == f"{N} of {N} shown"
    assert fresh.text("name") == "1. 8000-57000-0001"
    assert all(fresh.ink(canvas)[0] > 1000 for canvas in ("spectrum", "windows", "near"))
    assert fresh.complaints() == []


def test_markup_in_a_reason_is_shown_and_not_run(fresh):
    fresh.press("j")
    assert fresh.text("reason").startswith("</script><script>document.title")
    assert fresh.browser.title == "Ring candidates"
    assert fresh.complaints() == []


def test_marks_by_key_go_on_to_the_next_and_outlive_a_reload(fresh, page):
    fresh.press("k", "d", "u", "j", "k")
    assert fresh.text("counts") == f"2 keep, 1 drop, 1 unsure, {N - 4} to look at"
    assert fresh.text("name").startswith("6.")
    fresh.press(Keys.ARROW_UP, "x")  # takes the last one back
    again = Page(fresh.browser, page[0])
    assert again.text("counts") == f"1 keep, 1 drop, 1 unsure, {N - 3} to look at"
    assert again.browser.find_element(By.ID, "row-" + str(2**63 + 1)).get_attribute("aria-label").endswith("keep")


def test_marks_of_another_run_or_task_do_not_show(fresh, page):
    fresh.press("k")
    other = page[0].with_name("other.html")
    other.write_text(page[0].read_text().replace("galspec:run-1:ring", "galspec:run-2:ring"))
    assert Page(fresh.browser, other).text("counts").endswith(f" {N} to look at")


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
    assert {"keep", "drop", "unsure", "note", "skyserver", "legacy", "export", "find", "sort", "list"} <= reached
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
    sky, legacy = (fresh.browser.find_element(By.ID, name).get_attribute("href") for name in ("skyserver", "legacy"))
    assert sky.endswith("plate=8000&mjd=57000&fiber=1")
    assert "ra=150&dec=2.5&" in legacy


def test_exported_marks_go_back_in_as_labels(fresh):
    """What is kept is a table of targets, what is dropped another, notes with commas and hashes and all."""
    fresh.press("c", 'a ring, "faint" #2', Keys.ESCAPE, "k", "d", "u", "k", "e")
    place = fresh.browser.folder / "downloads/ring_marks.csv"
    wait_for(place)
    rows = list(csv.DictReader(place.read_text().splitlines()))
    assert [row["label"] for row in rows] == ["keep", "drop", "unsure", "keep"]
    assert rows[0]["note"] == 'a ring, "faint" #2'
    columns = {"specobjid": "specobjid", "plate": "plate", "mjd": "mjd", "fiberid": "fiberid", "subtype": "note"}
    kept = read_user_table(place, columns, {"label": ["keep"]}).to_pydict()
    assert kept["specobjid"] == [2**63 + 1, 2**63 + 4]
    assert kept["subtype"] == ['a ring, "faint" #2', ""]
    assert read_user_table(place, None, {"label": ["drop"]}).to_pydict()["fiberid"] == [2]
