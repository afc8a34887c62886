"""The command ``galspec status``: how far a run is."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from galspec_core.errors import NoRunError
from galspec_core.log import spell_seconds
from galspec_core.status import Counts, Status, look

LISTED = 10  # jobs of one kind that are shown; --json has all
BAR = 20  # characters
EVERY = 2.0  # s between two looks of --watch
COLOURS = {"running": "cyan", "done": "green", "failed": "red", "stopped": "yellow"}


def status(
    run: Annotated[Path, typer.Argument(help="Where the run is.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print all that is known as JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until the run has ended.")] = False,
):
    """Say what of a run is done, what runs, what failed and why, and what to do next.

    It looks at files only, so it can be asked at any time, from any machine that sees the folder.
    Exit code: 0 all is done or goes well, 1 something failed or was stopped, 2 no run there.

    Example: galspec status runs/demo
    """
    try:
        seen = _watch(run, as_json) if watch else look(run)
    except NoRunError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps(asdict(seen) | {"exit_code": seen.exit_code}, indent=1))
    elif not (watch and Console().is_terminal):
        Console(soft_wrap=True).print(as_page(seen))
    raise typer.Exit(seen.exit_code)


def _watch(run, quiet):
    """Return the last Status of a run; a terminal shows all before, other outputs a line whenever something changed."""
    console, before = Console(), None
    if console.is_terminal and not quiet:
        with Live(as_page(look(run)), console=console, auto_refresh=False) as live:
            while (seen := look(run)).state == "running":
                live.update(as_page(seen), refresh=True)
                time.sleep(EVERY)
            live.update(as_page(seen), refresh=True)
        return seen
    while (seen := look(run)).state == "running":
        if not quiet and (line := as_line(seen)) != before:
            print(line, flush=True)
            before = line
        time.sleep(EVERY)
    return seen


def as_line(seen: Status):
    """Return a status as one line."""
    counts = over_all(seen)
    failed = f", {counts.failed} failed" if counts.failed else ""
    names = ", ".join(f"{job.stage} {job.name}" for job in seen.of("running")[:3])
    return f"{seen.state}: {counts.done} of {counts.total} jobs done{failed}; running: {names or 'none'}"


def over_all(seen: Status):
    """Return the Counts of all stages together."""
    rows = [vars(counts) for counts in seen.stages.values()]
    return Counts(**{key: sum(row[key] for row in rows) for key in vars(Counts())})


def as_page(seen: Status):
    """Return a status as rich shows it: stages, jobs that run, jobs that failed, what next."""
    title = Text.from_markup(
        f"{escape(seen.run)}: [bold {COLOURS[seen.state]}]{seen.state}[/], "
        f"started {spell_seconds(seen.seconds)} ago; {escape(seen.process)}"
    )
    parts = [title, Text(), *_stages(seen)]
    for state, said in (
        ("running", _said_of_running),
        ("queued", _said_of_queued),
        ("stopped", _said_of_stopped),
        ("failed", _said_of_failed),
    ):
        parts += _list(seen.of(state), state, said)
    return Group(*parts, Text(), Text("next", style="bold"), *(Text(f"  {step}") for step in seen.next))


def _stages(seen):
    """Return a line a stage, and one of all: name, bar, how many jobs are in which state."""
    rows = {**seen.stages, "all": over_all(seen)}
    counted = {name: f"{counts.done:,}/{counts.total:,} done" for name, counts in rows.items()}
    wide = max(map(len, rows)), max(map(len, counted.values()))
    for name, counts in rows.items():
        others = [f"{n:,} {state}" for state, n in vars(counts).items() if n and state not in ("done", "total")]
        full = BAR * counts.done // max(counts.total, 1)
        bar = (f"{'━' * full}", "green"), (f"{'─' * (BAR - full)}", "dim")
        yield Text.assemble(f"{name:{wide[0]}}  ", *bar, f"  {counted[name]:>{wide[1]}}  ", ", ".join(others))


def _list(jobs, state, said):
    if not jobs:
        return []
    style = COLOURS.get(state, "default")
    lines = [Text.assemble((f"  {job.stage} {job.name}", style), f": {said(job)}") for job in jobs[:LISTED]]
    more = [Text(f"  and {len(jobs) - LISTED:,} more: --json lists all")] if len(jobs) > LISTED else []
    return [Text(), Text(state, style="bold"), *lines, *more]


def _said_of_running(job):
    text = job.said.partition("] ")[2] or f"for {spell_seconds(job.seconds)}, no progress said yet"
    return f"{text}{_on(job)}\n    {job.log}"


def _said_of_queued(job):
    return f"given out {spell_seconds(job.seconds)} ago, not begun yet{_on(job)}"


def _said_of_stopped(job):
    goes_on = "; goes on from its last checkpoint" if job.checkpoint else ""
    return f"{job.said.partition('] ')[2] or 'nothing said'}{goes_on}\n    {job.log}"


def _said_of_failed(job):
    goes_on = ". Its training goes on from its last checkpoint" if job.checkpoint else ""
    return f"{job.said}{goes_on}\n    {job.log}"


def _on(job):
    return f", cluster's job {job.external}" if job.external else ""
