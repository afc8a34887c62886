"""What the jobs of a finished run spent their time on: starting Python and its libraries, or work."""

import json
from pathlib import Path

import pandas as pd

from galspec_core.record import SUFFIX, Record

COLUMNS = ["rule", "jobs", "start_s", "work_s"]


def read_jobs(run):
    """Return one row a job of the run in a folder: rule, and the seconds of its body and of its whole process.

    The body is timed by the record beside its first output, the process by Snakemake's benchmark file of the same log's name.
    """
    rows, seen = [], set()
    for path in sorted(Path(run).rglob(f"*{SUFFIX}")):
        record = Record(**json.loads(path.read_text()))
        timing = Path(run, record.log.replace("logs/", "benchmarks/", 1)).with_suffix(".tsv")
        if timing in seen or not timing.is_file():
            continue
        seen.add(timing)
        body = (pd.Timestamp(record.finished) - pd.Timestamp(record.started)).total_seconds()
        rows.append((record.rule, body, pd.read_csv(timing, sep="\t")["s"].iloc[-1]))
    return pd.DataFrame(rows, columns=["rule", "body", "process"])


def by_rule(jobs):
    """Return the table with COLUMNS of ``read_jobs``' rows: seconds of all jobs of a rule, most work first."""
    start = (jobs["process"] - jobs["body"]).clip(lower=0)
    table = jobs.assign(start_s=start, work_s=jobs["body"]).groupby("rule")[["start_s", "work_s"]].sum()
    table.insert(0, "jobs", jobs.groupby("rule").size())
    return table.sort_values("work_s", ascending=False).reset_index()[COLUMNS]
