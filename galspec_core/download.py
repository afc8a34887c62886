"""What a careful download needs besides a connection: settings, patience, the unfinished file, many files at once."""

import fcntl
import itertools
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from galspec_core.errors import FetchError
from galspec_core.paths import check_below
from galspec_core.verify import check_size, check_whole


@dataclass(frozen=True)
class FetchConfig:
    """How to ask a server for files: times in seconds, sizes in bytes (all numbers our choice).

    Attributes
    ----------
    threads : int
        Downloads at a time in one job.
    retries : int
        Further attempts at a file after a fault that may pass.
    backoff, max_backoff : float
        Pause before the first retry, doubled each time up to the second; between half and all of it is waited.
    max_retry_after : float
        Longest wait that a server may ask for; if it asks for more, the file is given up.
    min_rate : float
        Bytes per second below which a transfer counts as stalled, once ``read_timeout`` has passed.
    give_up_after : int
        Files in a row whose every attempt met no working server before all work stops.
    """

    threads: int = 8
    retries: int = 5
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    backoff: float = 1.0
    max_backoff: float = 60.0
    max_retry_after: float = 600.0
    min_rate: float = 1000.0
    give_up_after: int = 10
    max_bytes_spectrum: int = 20_000_000
    max_bytes_file: int = 100_000_000_000


class PassingFault(Exception):
    """A fault that may not meet the next attempt; ``wait`` is how many seconds the server asks for, or None."""

    def __init__(self, error, wait=None):
        super().__init__(str(error))
        self.error, self.wait = error, wait


def passing(what, reason, item, got, wait=None):
    """Return the PassingFault of a FetchError with these facts."""
    return PassingFault(FetchError(what, reason=reason, item=item, got=str(got)[:300]), wait)


def check_arrived(rel, head, size):
    """Raise PassingFault for a file that a careless server or proxy cut short, FetchError for one of another kind."""
    try:
        check_whole(rel, head, size)
    except FetchError as error:
        raise (PassingFault(error) if error.reason == "cut short" else error) from error


class Patience:
    """When to try again, for all threads that ask one server, and when to stop.

    ``down`` is the error that ended all work, or None. ``seed`` is that of the jitter in the pauses, ``sleep`` waits
    for some seconds, ``clock`` gives the present in seconds.
    """

    def __init__(self, config, seed=None, sleep=None, clock=time.monotonic):
        self.config, self.clock, self.down, self.closed = config, clock, None, threading.Event()
        self._sleep, self._random = sleep or self.closed.wait, random.Random(seed)
        self._resume_at, self._failed, self._lock = float("-inf"), 0, threading.Lock()

    def persist(self, attempt):
        """Return what ``attempt()`` returns, calling it again after faults that may pass; raise FetchError."""
        for n in itertools.count():
            self._hold()
            try:
                return attempt()
            except PassingFault as fault:
                if n >= self.config.retries or (fault.wait or 0) > self.config.max_retry_after or self.closed.is_set():
                    raise self._exhausted(fault, n + 1) from fault
                self._postpone(fault.wait, n)

    def answered(self):
        """Note that the server works."""
        self._failed = 0

    def pause(self, attempt):
        """Return the seconds to wait after failed attempt number ``attempt``, 0 being the first."""
        longest = min(self.config.backoff * 2.0**attempt, self.config.max_backoff)
        return longest * (0.5 + 0.5 * self._random.random())

    def _hold(self):
        """Wait while the server wants to be left alone; raise FetchError if it is down."""
        delay = self._resume_at - self.clock()
        if delay > 0:
            self._sleep(delay)
        if self.down is not None:
            raise self.down

    def _postpone(self, asked, attempt):
        """Wait before the next attempt; a wait that the server asked for holds every thread."""
        if asked is None:
            self._sleep(self.pause(attempt))
        else:
            with self._lock:
                self._resume_at = max(self._resume_at, self.clock() + max(asked, self.pause(attempt)))

    def _exhausted(self, fault, attempts):
        """Return the error of a file that no attempt brought; many in a row mean that the server is down."""
        error = fault.error
        got = f"{error.got}, {attempts} attempt{'s' * (attempts > 1)}"
        error = FetchError(error.what, reason=error.reason, item=error.item, got=got)
        if error.reason not in ("server error", "timeout"):
            return error
        with self._lock:
            self._failed += 1
            if self._failed >= self.config.give_up_after and self.down is None:
                what = f"the server cannot be reached: {self._failed} files in a row failed, the last: {error}"
                self.down = FetchError(what, reason=error.reason, remedy="Try again later, finished files are kept")
                self.closed.set()
            return self.down or error


@dataclass(frozen=True)
class Part:
    """An unfinished file beside ``dest``, with the version of the server's file that its bytes belong to."""

    dest: Path

    @property
    def path(self):
        """Path of the bytes that came so far."""
        return self.dest.with_name(self.dest.name + ".part")

    @property
    def _note(self):
        return self.dest.with_name(self.dest.name + ".part.version")

    @property
    def size(self):
        """Number of bytes that can be gone on from: 0 where their version is not known."""
        return self.path.stat().st_size if self.version and self.path.is_file() else 0

    @property
    def version(self):
        """Validator of the server's file, as it stood in ETag or Last-Modified; "" where there is none."""
        return self._note.read_text() if self._note.is_file() else ""

    def headers(self):
        """Return the request headers that ask for the rest."""
        return {"Range": f"bytes={self.size}-", "If-Range": self.version} if self.size else {}

    def restart(self, version):
        """Forget what came; the next bytes belong to ``version``."""
        self.remove()
        if version:
            self._note.write_text(version)

    @contextmanager
    def lock(self):
        """Keep other jobs from writing the same file; raise FetchError where one does."""
        self.dest.parent.mkdir(parents=True, exist_ok=True)
        guard = self.dest.with_name(self.dest.name + ".part.lock")
        with open(guard, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                what = "another job is fetching this file"
                raise FetchError(what, reason="refused", item=self.dest, remedy="Wait for it") from None
            try:
                yield
            finally:
                guard.unlink(missing_ok=True)

    def finish(self):
        """Give the whole file its name."""
        os.replace(self.path, self.dest)
        self.remove()

    def remove(self):
        """Remove the unfinished file."""
        for path in (self.path, self._note):
            with suppress(FileNotFoundError):
                path.unlink()


def fetch_many(root, rels, config=None):
    """Yield (index, content) of many small files in the order in which they come.

    Parameters
    ----------
    root : LocalRoot or SasRoot
    rels : list of str
        Paths below the root.
    config : FetchConfig, optional
        Instead of the root's own.

    Yields
    ------
    int, bytes or FetchError
        The error stands in the place of a file that cannot be had.

    Raises
    ------
    FetchError
        If the server stops answering; nothing more is asked of it then.
    """
    root = root.using(config or root.config)
    waiting, running, done = iter(enumerate(rels)), set(), SimpleQueue()
    pool = ThreadPoolExecutor(root.config.threads, thread_name_prefix="fetch")
    try:
        while True:
            while len(running) * root.at_once < 2 * root.config.threads:
                part = list(itertools.islice(waiting, root.at_once))
                if not part:
                    break
                future = pool.submit(_contents_or_errors, root, part)
                running.add(future)
                future.add_done_callback(done.put)
            if not running:
                return
            future = done.get()
            running.remove(future)
            yield from future.result()
    finally:
        root.close()
        pool.shutdown(cancel_futures=True)


def _contents_or_errors(root, part):
    """Return (index, content) of several files, asked for one after another."""
    return [(i, _content_or_error(root, rel)) for i, rel in part]


def _content_or_error(root, rel):
    try:
        return root.fetch_bytes(rel)
    except FetchError as error:
        if root.down is not None:
            raise root.down from error
        return error


class LocalRoot:
    """A folder laid out like the SAS."""

    down = None  # a folder does not stop answering
    at_once = 4  # files that a thread reads in a row: from a disk's cache that is quicker than to hand one over

    def __init__(self, folder, config):
        self.folder, self.config = Path(folder), config

    def using(self, config):
        """Return the same root with other settings."""
        return LocalRoot(self.folder, config)

    def check(self):
        """Raise FetchError unless the folder is there."""
        if not self.folder.is_dir():
            what = "there is no such folder"
            raise FetchError(what, reason="missing", item=self.folder, remedy="Correct the key sas")

    def local_path(self, rel):
        """Return where a file is: links may lead out of the folder, ``rel`` may not."""
        check_below(rel)
        return self.folder / rel

    def fetch_bytes(self, rel):
        """Return the content of a small file; raise FetchError where that cannot be had."""
        path = self.local_path(rel)
        try:
            with open(path, "rb", buffering=0) as file:
                check_size(rel, os.fstat(file.fileno()).st_size, self.config.max_bytes_spectrum)
                content = file.read()
        except FileNotFoundError:
            raise FetchError("there is no such file", reason="missing", item=path) from None
        except OSError as error:
            raise FetchError("cannot be read", reason="refused", item=path, got=str(error)) from error
        check_whole(rel, content[:64], len(content))
        return content

    def close(self):
        """Do nothing: a folder has no connections."""
