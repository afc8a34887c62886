"""Job logs and progress: every line goes to the job's log, progress also to the terminal."""

import logging
import os
import re
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from galspec_core.errors import GalspecError
from galspec_core.faults import plain_fault

logger = logging.getLogger("galspec")
BARS = "GALSPEC_BARS"  # set to yes where another process draws bars from what is printed (terminal.py)
OFTEN = 1.0  # s between two lines for a bar
LINE = re.compile(
    r"\[(?P<stage>[^\]]+)\] (?P<done>[\d,]+)/(?P<total>[\d,]+) (?P<unit>\w+) \(\d+ %\), "
    r"(?P<rate>[\d.e+-]+) \w+/s(?:, (?P<left>[\w ]+) left)?(?:, (?P<note>.*))?$"
)  # as Progress writes it


@contextmanager
def job_log(path):
    """Write this job's messages to ``path``; a GalspecError ends the job with its sentence and no traceback.

    So does what the system refuses, such as a full disk. Anything else that goes wrong is written to the log with its
    traceback, then raised.
    """
    try:
        handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    except OSError as error:
        sys.exit(f"error: the log cannot be written: {plain_fault(error) or error}")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield logger
    except GalspecError as error:
        logger.error("%s", error)
        sys.exit(f"error: {error}")
    except Exception as error:
        fault = plain_fault(error)
        if fault is None:
            logger.exception("unexpected error")
            raise
        logger.error("%s", fault)
        sys.exit(f"error: {fault}")
    finally:
        logger.removeHandler(handler)
        handler.close()


class Progress:
    """Say how far a long job is, how fast, and how long it will still take.

    Parameters
    ----------
    stage : str
        What is being done, for instance ``"encoder paper"``.
    total : int
        Number of units of work.
    unit : str
        What is counted, plural: ``"spectra"``, ``"steps"``.
    every : float
        Seconds between two lines.
    """

    def __init__(self, stage, total, unit="spectra", every=10.0, done=0):
        self.stage, self.total, self.unit, self.every = stage, total, unit, every
        self.done, self._first = done, done
        self._start = self._said = self._drawn = time.monotonic()

    def add(self, n=1, note=""):
        """Count ``n`` more units; say a line if ``every`` seconds have passed or all is done.

        It goes to the log and to standard error. Where bars are drawn from standard error, it goes there every second.
        """
        self.done += n
        now, over = time.monotonic(), self.done >= self.total
        say, draw = over or now - self._said >= self.every, over or now - self._drawn >= OFTEN
        if not (say or draw):
            return
        bars, line = os.environ.get(BARS) == "yes", self.line(now - self._start, note)
        if say:
            self._said = now
            logger.info("%s", line)
        if draw:
            self._drawn = now
        if draw and bars:
            _tell(f"\x1f{os.getpid()} {line}")
        elif say and not bars:
            _tell(line)

    def skip(self, n=1):
        """Count ``n`` units that were done before, and took no time now."""
        self.done += n
        self._first += n

    def line(self, elapsed, note=""):
        """Return the progress line after ``elapsed`` seconds."""
        rate = (self.done - self._first) / elapsed if elapsed > 0 else 0.0
        left = (self.total - self.done) / rate if rate > 0 else float("nan")
        share = 100 * self.done / self.total if self.total else 100
        text = f"[{self.stage}] {self.done:,}/{self.total:,} {self.unit} ({share:.0f} %), {rate:.3g} {self.unit}/s"
        if self.done < self.total:
            text += f", {spell_seconds(left)} left"
        return f"{text}, {note}" if note else text


def _tell(line):
    with suppress(OSError):  # a terminal that is gone is no reason to stop
        print(line, file=sys.stderr, flush=True)


def spell_seconds(seconds):
    """Return a duration for people: ``"42 s"``, ``"3 min 05 s"``, ``"2 h 10 min"``."""
    if seconds != seconds:
        return "unknown time"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


@dataclass(frozen=True)
class Said:
    """What a progress line says."""

    line: str
    stage: str
    done: int
    total: int
    unit: str
    rate: float  # units per second
    left: str | None  # for people; None where all is done
    note: str | None


def read_progress(line):
    """Return what a line of a job's log or of a terminal says about progress, None where it is another line."""
    found = LINE.search(line)
    if found is None:
        return None
    facts = found.groupdict() | {key: int(found[key].replace(",", "")) for key in ("done", "total")}
    return Said(line=found[0], **facts | {"rate": float(found["rate"])})
