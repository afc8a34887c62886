"""The whole job: what imports cost, and how much of a run's time is work."""

import resource
import subprocess
import sys

from benchmarks.speed.ratio import LIMIT, Measured
from benchmarks.speed.rules import by_rule, read_jobs

AREA = "job"
ALLOWED = 0.3  # s, for an import of galspec_core
STARTS = {  # what a job imports before it works
    "import of galspec_core": "import galspec_core",
    "start of the command line": "import galspec_core.cli",
    "start of a gridding job": "import galspec_core.job, galspec_core.spectra.prepare",
    "start of an embedding job of the default encoder": "import galspec_core.job, galspec_core.encoder.embed, "
    "galspec_core.encoder.factors",
}
TORCH = "import torch"


def comparisons(setting):
    """Yield what is measured."""
    for number, (name, words) in enumerate(STARTS.items()):
        if number == 0:
            yield start(name, words, f"{ALLOWED:g} s", lambda: ALLOWED)
        else:
            yield start(name, words, "an import of torch", lambda: seconds(TORCH))
    if setting.run and not setting.small:
        yield work(setting.run)


def seconds(words):
    """Return the processor time that a new Python takes for some words."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", words], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start(name, words, against, other):
    """Return the comparison of an import with something else."""
    return Measured(AREA, name, against, "peer", lambda: seconds(words), other, goal=1, unit="s of the processor")


def work(run):
    """Return how much of the jobs' time in a finished run is work, and which rules spent more on starting."""
    table = by_rule(read_jobs(run))
    slow = table[table["start_s"] > table["work_s"]]
    named = ", ".join(f"{row.rule} ({row.start_s / row.jobs:.1f} s a job)" for row in slow.itertuples())
    return Measured(
        AREA,
        "jobs of the demonstration, start included",
        "their work alone",
        LIMIT,
        lambda: table["start_s"].sum() + table["work_s"].sum(),
        lambda: table["work_s"].sum(),
        goal=0.8,
        unit="s",
        note=f"start-up is more than work in: {named or 'none'}",
    )
