"""The benchmarks: what a ratio is, and when something counts as having become slower."""

import json

import pytest

from benchmarks.speed import page
from benchmarks.speed.ratio import LIMIT, PEER, Comparison, Measured, Ratio


def ratio(value, goal=None, name="work", kind=PEER):
    return Ratio("files", name, "a peer", kind, value, value / 2, value * 2, goal, 1.0, value, "s", 5)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Let results and page be written below tmp_path, and return the folder."""
    monkeypatch.setattr(page, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    (tmp_path / "performance.md").write_text(f"Above.\n{page.BEGIN}\nold\n{page.END}\nBelow.\n")
    return tmp_path


def test_a_ratio_is_the_median_of_rounds_and_goes_first_in_turn():
    asked = []
    seconds = {"ours": iter([9, 1, 2, 4]), "other": iter([9, 8, 8, 8])}

    def take(which):
        asked.append(which)
        return next(seconds[which])

    comparison = Measured("files", "work", "a peer", PEER, lambda: take("ours"), lambda: take("other"))
    found = comparison.measure(3)
    assert (found.ratio, found.low, found.high, found.rounds) == (4, 2, 8, 3)
    assert asked == ["ours", "other", "ours", "other", "other", "ours", "ours", "other"]


def test_unequal_work_is_compared_piece_by_piece():
    comparison = Measured("files", "work", "a peer", PEER, lambda: 20, lambda: 30, work=(10, 3))
    assert comparison.measure(1).ratio == 5


def test_the_clock_of_a_comparison_is_that_of_the_processor():
    """A function that sleeps takes none of its time."""
    import time

    comparison = Comparison("files", "work", "a peer", PEER, lambda: time.sleep(0.05), lambda: sum(range(2_000_000)))
    assert comparison.measure(1).ratio > 1


@pytest.mark.parametrize(
    ("now", "goal", "slower"),
    [(10, None, False), (6, None, False), (5, None, True), (5, 1, False), (5, 1.1, True)],
    ids=["as before", "noise", "half", "half of plenty", "half and too little"],
)
def test_what_is_half_as_fast_as_recorded_is_slower(now, goal, slower):
    known = {page.key(ratio(10)): ratio(10)}
    assert page.slipped(ratio(now, goal), known, 0.55) is slower


def test_what_was_never_recorded_is_not_slower():
    assert not page.slipped(ratio(0.01), {}, 0.55)


def test_a_slip_is_told_with_both_numbers(written):
    page.record([ratio(10)], "small")
    assert page.report_slips([ratio(9)], 0.55) is None
    told = page.report_slips([ratio(4)], 0.55)
    assert "files: work, against a peer: 4 " in told
    assert "recorded: 10" in told


def test_recording_an_area_keeps_the_others(written):
    other = Ratio(**{**ratio(3).__dict__, "area": "search"})
    page.record([ratio(10), other], "full")
    page.record([ratio(12)], "full")
    rows = json.loads((written / "results.json").read_text())["full"]
    assert [(row["area"], row["ratio"]) for row in rows] == [("files", 12), ("search", 3)]


def test_the_page_has_times_for_peers_and_per_cent_for_limits(written):
    page.record([ratio(12.34, goal=8), ratio(0.567, name="limit", kind=LIMIT)], "full")
    text = (written / "performance.md").read_text()
    assert text.startswith("Above.\n")
    assert text.endswith("Below.\n")
    assert "old" not in text
    assert "| work | a peer | 12.3× | 6.2× to 24.7× | 8.0× |  |" in text
    assert "| limit | a peer | 57% | 28% to 113% |  |  |" in text


def test_a_small_run_leaves_the_page_alone(written):
    page.record([ratio(10)], "small")
    assert "old" in (written / "performance.md").read_text()


def test_what_is_committed_covers_every_area():
    """Else ``make check-speed`` would hold nothing."""
    from benchmarks.speed.__main__ import AREAS

    for size in ("full", "small"):
        assert {area for area, _, _ in page.recorded(size)} == set(AREAS)
