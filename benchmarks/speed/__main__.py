"""Measure how fast GalSpec is, each figure as a ratio to a peer or a limit.

python -m benchmarks.speed [files training embedding search job] [--sas FOLDER] [--run FOLDER] [--rounds 7]
    measure, write benchmarks/results.json and the table of docs/performance.md
python -m benchmarks.speed --small [--record]
    in minutes, with what is installed anyway: exit 1 where a ratio fell to about half of what was recorded
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

AREAS = ("files", "training", "embedding", "search", "job")
SLIP = 0.55  # of the recorded ratio: below, something has become about twice as slow
TRIES = 3  # a busy machine gets another chance


@dataclass(frozen=True)
class Setting:
    """What a benchmark may use: ``small`` in continuous integration, a SAS folder of real spectra, a run, room for files."""

    small: bool
    sas: Path | None
    run: Path | None
    scratch: Path


def main():
    """Measure and write, or measure and check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", choices=[*AREAS, []], default=[], help="of " + ", ".join(AREAS) + "; all")
    parser.add_argument(
        "--sas", type=Path, help="folder in the layout of the SAS: its spectra instead of simulated ones"
    )
    parser.add_argument(
        "--run", type=Path, help="folder of a finished run, such as runs/demo, whose jobs are looked at"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--small", action="store_true", help="check against the recorded ratios")
    parser.add_argument("--record", action="store_true", help="with --small: record instead of checking")
    options = parser.parse_args()
    rounds = options.rounds or (5 if options.small else 7)
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(options.small, options.sas, options.run, Path(scratch))
        found = run(options.areas or AREAS, setting, rounds, options)
    from benchmarks.speed import page

    if options.small and not options.record:
        sys.exit(page.report_slips(found, SLIP))
    page.record(found, "small" if options.small else "full")


def run(areas, setting, rounds, options):
    """Return the Ratio of every comparison of the areas, printed as it is known."""
    from benchmarks.speed import page

    known = page.recorded("small") if options.small and not options.record else {}
    found = []
    for area in areas:
        for comparison in import_module(f"benchmarks.speed.{area}").comparisons(setting):
            ratio = comparison.measure(rounds)
            for _ in range(TRIES - 1):
                if not page.slipped(ratio, known, SLIP):
                    break
                ratio = comparison.measure(rounds)
            print(page.line(ratio), flush=True)
            found.append(ratio)
    return found


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    main()
