"""Bars in a terminal. All that a run and its jobs print passes through one process, so that nothing is garbled.

Standard output and error become a pipe, which jobs inherit: to them it is no terminal, so they write plain lines. A thread
reads these lines, turns those of progress into bars at the foot of the terminal, and prints all others above them.
"""

import atexit
import os
import re
import sys
import threading
import time
from contextlib import contextmanager, suppress

from galspec_core.log import BARS, read_progress

NOISE = re.compile(  # what the bar of all jobs says instead; Snakemake's own log has it all the same
    r"^(Select jobs to execute\.\.\.|Execute \d+ jobs\.\.\.|Finished jobid: .*|Write-protecting output file .*)$"
)
STEPS = re.compile(r"^(\d+) of (\d+) steps \(.*\) done$")
STAMP = re.compile(r"^\[\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}\]$")  # a line of its own before what Snakemake says
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SENDER = re.compile(r"^\x1f(\d+) ")  # of a progress line: the number of the process
END = "\x1fend"
SILENT = 120.0  # s without a line after which a bar goes; the next line brings it back


def show_bars(total=None):
    """Show bars until this process ends, where standard error is a terminal that can.

    ``total`` is how many jobs there are, if there are jobs. Set GALSPEC_BARS=no to have plain lines in a terminal, too.
    """
    if bars_wanted():
        screen = Screen(total)
        screen.start()
        atexit.register(screen.stop)


@contextmanager
def bars():
    """Show bars while a long command runs, where standard error is a terminal that can."""
    screen = Screen() if bars_wanted() else None
    if screen:
        screen.start()
    try:
        yield
    finally:
        if screen:
            screen.stop()


def bars_wanted():
    """Return whether standard error is a terminal on which bars can move, and nobody has said no."""
    return os.isatty(2) and os.environ.get("TERM") != "dumb" and os.environ.get(BARS) is None


class Screen:
    """A terminal with bars at its foot, between ``start`` and ``stop``."""

    def __init__(self, total=None):
        self.total, self.stamp = total, ""
        self.tasks, self.heard, self.saved = {}, {}, {}

    def start(self):
        """Take over standard error, and standard output where that is a terminal as well."""
        self.terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
        self._build()
        reader, writer = os.pipe()
        self.lines = os.fdopen(reader, encoding="utf-8", errors="replace")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number in (1, 2):
            if os.isatty(number):
                self.saved[number] = os.dup(number)
                os.dup2(writer, number)
        os.close(writer)
        os.environ[BARS] = "yes"
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def stop(self):
        """Give the terminal back once all that was printed before has been shown."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(2, f"{END}\n".encode())
        for number, kept in self.saved.items():
            os.dup2(kept, number)
            os.close(kept)
        os.environ.pop(BARS, None)
        self.thread.join(timeout=5)

    def _build(self):
        from rich.ansi import AnsiDecoder
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[said]}", markup=False),
        )
        self.console, self.decoder = Console(file=self.terminal), AnsiDecoder()
        ours = dict(redirect_stdout=False, redirect_stderr=False, refresh_per_second=4)
        self.progress = Progress(*columns, console=self.console, **ours)
        said, known = f"0/{self.total:,}" if self.total else "", self.total is not None
        self.all = self.progress.add_task("all jobs", total=self.total, said=said, visible=known)

    def _follow(self):
        """Show lines until the end; should that fail, copy them or drop them, so that no job waits for a reader."""
        with suppress(Exception), self.progress:
            self.console.show_cursor(True)  # whoever is killed leaves it as it was
            for line in self.lines:
                if line.startswith(END):
                    self._drop(self.tasks)
                    return
                self.take(line.rstrip("\n"))
        for line in self.lines:
            if line.startswith(END):
                return
            with suppress(OSError, ValueError):  # a terminal that is gone
                self.terminal.write(line)
                self.terminal.flush()

    def take(self, line):
        """Show one line: as a bar, as nothing, or as it is."""
        plain = COLOUR.sub("", line)
        sender, steps, said = SENDER.match(plain), STEPS.match(plain), read_progress(plain)
        if sender and said:
            self._move(int(sender[1]), said)
        elif steps:
            done, total = map(int, steps.groups())
            self.progress.update(self.all, completed=done, total=total, said=f"{done:,}/{total:,}", visible=True)
            self._drop([key for key in self.tasks if not _runs(key[0])])
        elif STAMP.match(plain):
            self.stamp = line
        elif not NOISE.match(plain):
            self._print(self.stamp)
            self._print(line, even_if_empty=True)
        if not STAMP.match(plain):
            self.stamp = ""

    def _print(self, line, even_if_empty=False):
        if line or even_if_empty:
            self.console.print(self.decoder.decode_line(line), soft_wrap=True)

    def _move(self, pid, said):
        """Move the bar of one process and stage to where its line says it is; one that is at its end goes."""
        key, now = (pid, said.stage), time.monotonic()
        if said.done >= said.total:
            self._drop([key])
            return
        if key not in self.tasks:
            self.tasks[key] = self.progress.add_task(said.stage, total=said.total, said="")
        words = f"{said.done:,}/{said.total:,} {said.unit}, {said.rate:.3g}/s, {said.left} left"
        words += f", {said.note}" if said.note else ""
        self.progress.update(self.tasks[key], completed=said.done, total=said.total, said=words)
        self.heard[key] = now
        self._drop([key for key in self.tasks if now - self.heard[key] > SILENT])

    def _drop(self, keys):
        for key in list(keys):
            task = self.tasks.pop(key, None)
            if task is not None:
                self.progress.remove_task(task)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
