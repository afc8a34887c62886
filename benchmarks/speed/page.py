"""What was measured: benchmarks/results.json, the table in docs/performance.md, and what has become slower since."""

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.speed.ratio import PEER, Ratio
from galspec_core.files import replace

RESULTS = Path(__file__).parents[1] / "results.json"
PAGE = Path(__file__).parents[2] / "docs/performance.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
PLENTY = 5  # times the goal: beyond, nobody waits for it, and the ratio is of two things too different to be steady
HEAD = "| what | against | ratio | least to most | goal | |\n|---|---|---|---|---|---|"


def key(ratio):
    """Return what names a ratio."""
    return ratio.area, ratio.name, ratio.against


def recorded(size):
    """Return {key: Ratio} as results.json has it, of the "full" or the "small" run."""
    if not RESULTS.exists():
        return {}
    return {key(ratio): ratio for ratio in (Ratio(**row) for row in json.loads(RESULTS.read_text()).get(size, []))}


def slipped(ratio, known, slip):
    """Say whether a ratio is below ``slip`` times the one recorded, and not PLENTY times its goal all the same."""
    before = known.get(key(ratio))
    enough = ratio.goal is not None and ratio.ratio >= PLENTY * ratio.goal
    return before is not None and not enough and ratio.ratio < slip * before.ratio


def report_slips(found, slip):
    """Return what became slower, in words, or None; a comparison that was never recorded is no failure."""
    known = recorded("small")
    bad = [f"{line(r)}   recorded: {known[key(r)].ratio:.3g}" for r in found if slipped(r, known, slip)]
    return "slower than recorded in benchmarks/results.json:\n" + "\n".join(bad) if bad else None


def line(ratio):
    """Return a ratio as one line."""
    goal = "" if ratio.goal is None else f", goal {ratio.goal:g}"
    spread = f"({ratio.low:.3g} to {ratio.high:.3g}{goal})"
    spent = f"{ratio.ours:.3g} and {ratio.other:.3g} {ratio.unit}"
    return f"{ratio.area}: {ratio.name}, against {ratio.against}: {ratio.ratio:.3g} {spread}; {spent}. {ratio.note}"


def record(found, size):
    """Put ratios into results.json, in place of those of the same areas, and the whole into the table of the page."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    areas = {ratio.area for ratio in found}
    others = [row for row in kept.get(size, []) if row["area"] not in areas]
    kept[size] = sorted(others + [asdict(ratio) for ratio in found], key=lambda row: row["area"])
    with replace(RESULTS) as temporary:
        temporary.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    if size == "full":
        write_table([Ratio(**row) for row in kept[size]])


def write_table(ratios):
    """Put the table between its two marks in docs/performance.md."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    areas = list(dict.fromkeys(ratio.area for ratio in ratios))
    parts = [
        f"### {area.capitalize()}\n\n{HEAD}\n" + "\n".join(row(r) for r in ratios if r.area == area) for area in areas
    ]
    with replace(PAGE) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}")


def row(ratio):
    """Return a ratio as a row of the table: times faster than a peer, per cent of a limit."""
    show = "{:.1f}×".format if ratio.kind == PEER else "{:.0%}".format
    goal = "" if ratio.goal is None else show(ratio.goal)
    cells = [ratio.name, ratio.against, show(ratio.ratio), f"{show(ratio.low)} to {show(ratio.high)}", goal, ratio.note]
    return "| " + " | ".join(cells) + " |"
