"""How far a run is, from what lies on disk: the plan, the outputs, Snakemake's markers, and the logs of its jobs."""

import os
import re
import shlex
from base64 import urlsafe_b64decode
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from galspec_core.log import Said, read_progress
from galspec_core.plan import age, is_alive, read_plan
from galspec_core.record import SUFFIX

STAGES = ("catalogs", "spectra", "encoder", "search", "baselines", "figures")
TAIL = 20_000  # bytes of a log that are looked at: its end
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (\w+) (.*)$")
COMPLAINT = re.compile(r"^Error in rule \w+:\n(?:    .*\n)*?    output: ([^,\n]+)", re.M)
WORDLESS = "it ended without a word, as a job does that is killed, for want of memory for instance"
EARLY = 2.0  # s by which a log may be older than the marker that its job has begun


@dataclass(frozen=True)
class Job:
    """A job that is not finished: where it stands and what its log said last."""

    stage: str
    name: str
    state: str  # running, queued, stopped or failed
    log: str
    seconds: float  # since it began, or since its log was last written to if it has ended
    said: str  # the last progress line, or the error
    progress: Said | None = None
    external: str | None = None  # number of the cluster's job, as long as it waits: the job itself does not tell
    checkpoint: str | None = None  # from which a training will go on


@dataclass
class Counts:
    """How many jobs of a stage are in which state."""

    done: int = 0
    running: int = 0
    queued: int = 0
    failed: int = 0
    stopped: int = 0
    waiting: int = 0
    total: int = 0


@dataclass(frozen=True)
class Status:
    """How far a run is. ``state`` is running, done, failed (some jobs did) or stopped (killed or interrupted)."""

    run: str
    state: str
    process: str
    seconds: float  # since the run was started
    command: str
    snakemake_log: str | None
    stages: dict[str, Counts] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    next: list[str] = field(default_factory=list)

    def of(self, *states):
        """Return the jobs in some states."""
        return [job for job in self.jobs if job.state in states]

    @property
    def exit_code(self):
        """0 where all is done or goes well, 1 where something failed or stopped."""
        return int(self.state in ("failed", "stopped") or bool(self.of("failed")))


def look(run):
    """Return the Status of the run in a folder; raise NoRunError where there is none.

    Only names and times of files are looked at, and the logs of jobs that run or failed: thousands of jobs take less
    than a second.
    """
    run = Path(run)
    plan = read_plan(run)
    alive, locked = is_alive(plan), any((run / ".snakemake/locks").glob("*.lock"))
    at_work = locked if alive is None else alive
    markers, complaints = read_markers(run), read_complaints(plan.log)
    stages = {stage: Counts(done=n, total=n) for stage, n in plan.before.items()}
    jobs = []
    for planned in plan.jobs:
        state = state_of(run, planned, plan.started, markers, complaints, at_work)
        counts = stages.setdefault(planned.stage, Counts())
        setattr(counts, state, getattr(counts, state) + 1)
        counts.total += 1
        if state not in ("done", "waiting"):
            jobs.append(describe_job(run, planned, state, markers.get(planned.output), plan.started))
    over_all = sum((Counter(vars(counts)) for counts in stages.values()), Counter())
    state = "running" if at_work else _ended(over_all)
    return Status(
        run=str(run),
        state=state,
        process=_describe_process(plan, alive, at_work),
        seconds=age(plan.started),
        command=plan.command,
        snakemake_log=plan.log,
        stages={stage: stages[stage] for stage in sorted(stages, key=_place)},
        jobs=sorted(jobs, key=lambda job: (_place(job.stage), job.name)),
        next=_what_next(run, plan, state, alive, locked, jobs),
    )


def _place(stage):
    return (STAGES.index(stage) if stage in STAGES else len(STAGES), stage)


def _ended(counts):
    if counts["done"] == counts["total"]:
        return "done"
    return "failed" if counts["failed"] else "stopped"


def state_of(run, planned, started, markers, complaints, at_work):
    """Return the state of a planned job: done, running, queued, failed, stopped or waiting.

    ``started`` is when the plan was written: what is older was there before, and will be made anew. ``markers`` and
    ``complaints`` are of ``read_markers`` and ``read_complaints``; ``at_work`` says whether Snakemake is.
    """
    marker = markers.get(planned.output)
    if marker is None:
        if modified(run / planned.output) >= started:
            return "done"
        return "failed" if modified(run / planned.log) >= started or planned.output in complaints else "waiting"
    if modified(run / f"{planned.output}{SUFFIX}") >= max(marker[0], started):
        return "done"  # one of several in a cluster's job, which still goes on
    if not at_work:
        return "stopped"
    begun = marker[1] is None or modified(run / planned.log) >= marker[0] - EARLY
    return "running" if begun else "queued"  # on a cluster


def modified(path):
    """Return when a file was last written to, in s since 1970; minus infinity where there is none."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return float("-inf")


def read_markers(run):
    """Return {output: (time, job number on a cluster or None)} of the jobs that Snakemake began and did not end."""
    top, found = Path(run) / ".snakemake/incomplete", {}
    for place, _, names in os.walk(top):
        for name in names:
            path = Path(place) / name
            coded = "".join(part.removeprefix("@") for part in path.relative_to(top).parts)
            try:
                number = re.search(r'"external_jobid": "?(\w+)', path.read_text())
                found[urlsafe_b64decode(coded).decode()] = (modified(path), _number(number))
            except (OSError, ValueError):  # it ended while this was looked at, or is no marker
                continue
    return found


def _number(found):
    return found[1] if found and found[1] != "null" else None


def read_complaints(log):
    """Return the first outputs of the jobs that Snakemake's own log says failed, as far as it was asked to say so."""
    try:
        return set(COMPLAINT.findall(Path(log).read_text(encoding="utf-8", errors="replace"))) if log else set()
    except OSError:
        return set()


def describe_job(run, planned, state, marker, started):
    """Return a Job with what its log said last; a log from before ``started`` is another attempt's."""
    log = run / planned.log
    lines = read_tail(log) if modified(log) >= started else []
    checkpoint = run / Path(planned.output).parent / "checkpoint/last.pt"
    progress = next((said for line in reversed(lines) if (said := read_progress(line))), None)
    since = modified(log) if state in ("failed", "stopped") or marker is None else marker[0]
    return Job(
        stage=planned.stage,
        name=planned.name,
        state=state,
        log=str(log),
        seconds=age(since) if since > 0 else 0.0,
        said=last_error(lines) if state == "failed" else progress.line if progress else "",
        progress=progress,
        external=marker[1] if marker else None,
        checkpoint=str(checkpoint) if state in ("failed", "stopped") and checkpoint.exists() else None,
    )


def read_tail(path):
    """Return the last lines of a file, none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - TAIL, 0))
            return file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []


def last_error(lines):
    """Return the sentence with which a job failed: that of its last error, or the last line of a traceback."""
    said = [(found[1], found[2]) for line in lines if (found := LOG_LINE.match(line))]
    errors = [text for level, text in said if level == "ERROR"]
    if not errors:
        return f"{WORDLESS}; its last line was: {said[-1][1]}" if said else WORDLESS
    return errors[-1] if errors[-1] != "unexpected error" else f"unexpected error: {lines[-1].strip()}"


def _describe_process(plan, alive, at_work):
    who = f"Snakemake, process {plan.pid} on {plan.host}"
    if alive is None:
        return f"{who}, which cannot be looked at from here; its lock is {'there' if at_work else 'gone'}"
    return f"{who}, is at work" if alive else f"{who}, has ended"


def _what_next(run, plan, state, alive, locked, jobs):
    """Return what a person would do now: sentences that end in a full stop, and commands."""
    failed = any(job.state == "failed" for job in jobs)
    if state == "done":
        return [f"galspec show {run}"]
    if state == "running":
        later = "The others go on. Mend what the errors name, and start the same command again when this run has ended."
        return [*([later] if failed else []), f"galspec status --watch {run}"]
    steps = []
    if plan.executor != "local" and any(job.state == "stopped" for job in jobs):
        steps.append("Jobs that it gave to the cluster may still run: look with squeue, and wait or cancel them.")
    if failed:
        steps.append("Mend what the errors name, then start the same command again: what is finished is kept.")
    there = Path(plan.folder).resolve() == Path.cwd()
    begin = plan.command if there else f"cd {shlex.quote(plan.folder)} && {plan.command}"
    return [*steps, *([f"{begin} --unlock"] if locked and not alive else []), begin]
