"""Job logs and progress: every line goes to the job's log, progress also to the terminal."""

import logging
import sys
import time
from contextlib import contextmanager

from galspec_core.errors import GalspecError
from galspec_core.faults import plain_fault

logger = logging.getLogger("galspec")


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
        logger.error("%s", fault, exc_info=True)
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
        self._start = self._said = time.monotonic()

    def add(self, n=1, note=""):
        """Count ``n`` more units; print a line if ``every`` seconds have passed or all is done."""
        self.done += n
        now = time.monotonic()
        if now - self._said < self.every and self.done < self.total:
            return
        self._said = now
        line = self.line(now - self._start, note)
        logger.info("%s", line)
        print(line, file=sys.stderr, flush=True)

    def line(self, elapsed, note=""):
        """Return the progress line after ``elapsed`` seconds."""
        rate = (self.done - self._first) / elapsed if elapsed > 0 else 0.0
        left = (self.total - self.done) / rate if rate > 0 else float("nan")
        share = 100 * self.done / self.total if self.total else 100
        text = f"[{self.stage}] {self.done:,}/{self.total:,} {self.unit} ({share:.0f} %), {rate:.3g} {self.unit}/s"
        if self.done < self.total:
            text += f", {spell_seconds(left)} left"
        return f"{text}, {note}" if note else text


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
