"""Marks on candidates: a person's work, which is kept, seen in every tab, and goes back in as labels."""

import csv
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from galspec_core.catalogs.user_table import read_user_table
from tests.figures.conftest import N
from tests.figures.vetting import Page


def wait_for(path):
    """Wait until a download has its name."""
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")


def test_marks_by_key_go_on_to_the_next_and_outlive_a_reload(fresh, page):
    fresh.press("k", "d", "u", "j", "k")
    assert fresh.text("counts") == f"2 keep, 1 drop, 1 unsure, {N - 4} to look at"
    assert fresh.text("name").startswith("6.")
    fresh.press(Keys.ARROW_UP, "x")  # takes the last one back
    again = Page(fresh.browser, page[0])
    assert again.text("counts") == f"1 keep, 1 drop, 1 unsure, {N - 3} to look at"
    assert again.browser.find_element(By.ID, "row-" + str(2**63 + 1)).get_attribute("aria-label").endswith("keep")


def test_a_mark_that_takes_a_candidate_out_of_the_list_gives_its_place_to_the_next(fresh):
    """Where "not yet marked" is shown, a person goes down the list as elsewhere; another filter begins at its top."""
    fresh.browser.execute_script("$('mark').value = 'none'; arrange()")
    fresh.press("j", "j", "j", "k")
    assert fresh.text("name").startswith("5.")
    fresh.press("d")
    assert fresh.text("name").startswith("6.")
    fresh.press(Keys.END, "u")
    assert fresh.text("name").startswith(f"{N - 1}.")
    fresh.browser.execute_script("$('mark').value = 'keep'; $('mark').dispatchEvent(new Event('input'))")
    fresh.settle()
    assert fresh.text("name").startswith("4.")


def test_marks_of_two_tabs_are_both_kept_and_seen_in_both(fresh, page):
    first = fresh.browser.current_window_handle
    fresh.browser.switch_to.new_window("tab")
    second = Page(fresh.browser, page[0])
    second.press("j", "d")
    fresh.browser.switch_to.window(first)
    fresh.until("return markOf(order[1]) === 'drop'")
    fresh.press("k")
    counts = f"1 keep, 1 drop, 0 unsure, {N - 2} to look at"
    assert fresh.text("counts") == counts
    fresh.browser.switch_to.window(fresh.browser.window_handles[1])
    second.until("return markOf(order[0]) === 'keep'")
    assert second.text("counts") == counts
    assert second.complaints() == []
    fresh.browser.close()
    fresh.browser.switch_to.window(first)


def test_a_mark_is_added_to_what_is_stored_though_no_event_told_of_it(fresh):
    fresh.browser.execute_script(
        "localStorage.setItem(DATA.key, JSON.stringify({[order[1].id]: {mark: 'drop', note: ''}}))"
    )
    fresh.press("k")
    assert fresh.text("counts") == f"1 keep, 1 drop, 0 unsure, {N - 2} to look at"


def test_a_browser_that_keeps_no_marks_says_so_and_the_page_holds_them(fresh):
    fresh.browser.execute_script("Storage.prototype.setItem = () => { throw new Error('full'); }")
    fresh.press("k", "d")
    assert fresh.text("counts").startswith("This browser keeps no marks")
    assert fresh.browser.execute_script("return order.slice(0, 2).map(markOf)") == ["keep", "drop"]


def test_marks_of_another_run_or_task_do_not_show(fresh, page):
    fresh.press("k")
    other = page[0].with_name("other.html")
    other.write_text(page[0].read_text().replace("galspec:run-1:ring", "galspec:run-2:ring"))
    assert Page(fresh.browser, other).text("counts").endswith(f" {N} to look at")


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


def test_marks_of_spectra_that_a_new_list_has_not_are_exported_by_their_specobjid(fresh, page):
    lost = 2**63 + 4321
    fresh.browser.execute_script(
        f"localStorage.setItem(DATA.key, JSON.stringify({{'{lost}': {{mark: 'keep', note: 'gone'}}}}))"
    )
    again = Page(fresh.browser, page[0])
    again.press("k")
    assert again.text("counts").endswith(", 1 marked before and no longer listed")
    place = fresh.browser.folder / "marks.csv"
    place.write_text(fresh.browser.execute_script("return csv()"))
    kept = read_user_table(place, None, {"label": ["keep"]}).to_pydict()
    assert kept["specobjid"] == [2**63 + 1, lost]
    assert kept["plate"] == [8000, -1]
