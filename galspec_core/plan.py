"""What a run is about to do: written to logs/plan.json when Snakemake begins, read by ``galspec status``."""

import json
import os
import shlex
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from galspec_core.errors import NoRunError

PLAN = Path("logs/plan.json")
VERSION = 1


@dataclass(frozen=True)
class Planned:
    """One job of a run; paths are as the workflow names them, below the folder of the run or absolute."""

    rule: str
    log: str
    output: str  # its first

    @property
    def stage(self):
        """The stage, one of the six words: the folder of the log."""
        return self.log.split("/")[1]

    @property
    def name(self):
        """Rule and wildcards as one name: what the log is called below its stage."""
        return " ".join(Path(self.log).with_suffix("").parts[2:])


@dataclass(frozen=True)
class Plan:
    """What one start of Snakemake set out to do, and which process it was."""

    jobs: list[Planned]  # that had to run
    before: dict[str, int]  # jobs that had nothing to do, by stage
    host: str
    pid: int
    began: float  # s since 1970: when that process began
    folder: str  # where it was started
    command: str
    log: str | None  # Snakemake's own
    executor: str  # local, or what gives jobs to a cluster: slurm
    started: float  # s since 1970: when the plan was written


def write_plan(workflow, logs):
    """Write the plan of a run that begins; where that cannot be, say so: the run can do without.

    ``workflow`` is Snakemake's, ``logs`` the paths of its own logs. Jobs that run a part of the workflow write nothing.
    """
    from galspec_core.files import replace  # here: it needs pyarrow, of which reading a plan has no use

    if not workflow.is_main_process:
        return
    try:
        with replace(PLAN) as temporary:
            temporary.write_text(json.dumps(describe(workflow, logs), separators=(",", ":")), encoding="utf-8")
    except OSError as error:
        print(f"warning: {PLAN} cannot be written ({error}): galspec status will know less", file=sys.stderr)


def describe(workflow, logs):
    """Return the plan of a run as JSON values."""
    jobs = [job for job in workflow.dag.jobs if job.log and job.output]
    planned = [Planned(job.rule.name, str(job.log[0]), str(job.output[0])) for job in jobs]
    to_run = [workflow.dag.needrun(job) for job in jobs]
    before = Counter(entry.stage for entry, runs in zip(planned, to_run, strict=True) if not runs)
    return {
        "version": VERSION,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "began": process_start(os.getpid()),
        "folder": started_in(workflow.basedir),
        "command": shlex.join(["snakemake", *sys.argv[1:]]),
        "log": str(logs[0]) if logs else None,
        "executor": getattr(workflow.executor_plugin, "name", "local"),
        "before": before,
        "jobs": [[p.rule, p.log, p.output] for p, runs in zip(planned, to_run, strict=True) if runs],
    }


def started_in(snakefile_folder):
    """Return where Snakemake was started: beside its Snakefile, unless one was named."""
    named = any(word.startswith(("-s", "--snakefile")) for word in sys.argv[1:])
    return os.environ.get("PWD", str(snakefile_folder)) if named else str(snakefile_folder)


def read_plan(run):
    """Return the Plan in the folder of a run; raise NoRunError where there is none that can be read."""
    path = Path(run) / PLAN
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        jobs = [Planned(*entry) for entry in found["jobs"]]
        facts = {key: found[key] for key in ("before", "host", "pid", "began", "folder", "command", "log", "executor")}
        return Plan(jobs, started=path.stat().st_mtime, **facts)
    except (FileNotFoundError, NotADirectoryError):
        raise NoRunError("no run here", item=run, expected=PLAN, remedy=_how_to_begin(Path(run))) from None
    except OSError as error:
        remedy = "Name a folder that you may read"
        raise NoRunError("the plan of a run cannot be read", item=path, got=error.strerror, remedy=remedy) from None
    except (ValueError, KeyError, TypeError) as error:
        remedy = "Start the run again: it writes a new one, and what is finished is kept"
        raise NoRunError("not a plan that this version can read", item=path, got=error, remedy=remedy) from None


def _how_to_begin(run):
    if (run / ".snakemake").is_dir():
        return "Snakemake was here, but wrote no plan: it makes one now, or all was finished; start it again to see"
    return "Name the folder of a run, or start one, with make demo or with snakemake --cores 2 results/table4.csv"


def process_start(pid):
    """Return when a process of this machine began, in s since 1970, None where there is no such process."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_alive(plan):
    """Return whether the process that follows a plan is at work; None where it is another machine's."""
    if plan.host != socket.gethostname():
        return None
    began = process_start(plan.pid)
    return began is not None and plan.began is not None and abs(began - plan.began) < 2.0


def age(then):
    """Return how many seconds ago a time was."""
    return max(time.time() - then, 0.0)
