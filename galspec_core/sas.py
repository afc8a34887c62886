"""Bring files from the SAS: the Science Archive Server as a URL, or a folder laid out like it."""

from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError as BodyError
from urllib3.exceptions import ReadTimeoutError

from galspec_core import __version__
from galspec_core.download import (
    FetchConfig,
    LocalRoot,
    Part,
    PassingFault,
    Patience,
    check_arrived,
    fetch_many,
    passing,
)
from galspec_core.errors import FetchError
from galspec_core.log import Progress, logger
from galspec_core.paths import CATALOG_PATHS, is_url, spec_path
from galspec_core.verify import (
    check_free_space,
    check_headers,
    check_sha1,
    check_size,
    next_url,
    parse_content_range,
    parse_length,
    parse_retry_after,
    parse_sha1sum,
    sha1sum_links,
    version_of,
)

__all__ = [
    "CATALOG_PATHS",
    "FetchConfig",
    "LocalRoot",
    "check_free_space",
    "fetch_file",
    "fetch_many",
    "is_url",
    "open_root",
    "spec_path",
]

MISSING, PASSING, BAD_RANGE = (404, 410), (408, 429), 416  # HTTP statuses; those from 500 on pass too
CHUNK = 1 << 20  # bytes read at a time, at most
MAX_REDIRECTS = 5
MAX_BYTES_LISTING = 20_000_000  # a folder's page or sha1sum file: 1,000 spectra a plate take 0.2 MB
MAX_SUMS = 10  # sha1sum files of one folder that are read; SDSS has one


def open_root(place, config=None, **options):
    """Return the SAS root at a URL or in a folder; ``options`` are those of SasRoot."""
    config = config or FetchConfig()
    return SasRoot(str(place), config, **options) if is_url(place) else LocalRoot(Path(place), config)


def fetch_file(url, dest, config=None, **options):
    """Fetch one file, a catalogue for instance, to ``dest``, with its SHA-1 where the server's folder offers it."""
    parts = urlsplit(str(url))
    with SasRoot(f"{parts.scheme}://{parts.netloc}", config or FetchConfig(), **options) as root:
        rel = str(url).removeprefix(root.url).lstrip("/")
        sha1 = None if parts.query else root.find_sha1(rel)
        logger.info("%s: %s", url, f"SHA-1 {sha1}" if sha1 else "no SHA-1 offered, its length is checked")
        root.fetch(rel, dest, sha1)


class SasRoot:
    """A server of files, asked from many threads, each over a connection of its own.

    ``options`` are ``seed``, ``sleep`` and ``clock`` of Patience.
    """

    at_once = 1  # files that a thread asks for before it hands them over

    def __init__(self, url, config, **options):
        self.url, self.config, self._options, self._idle = url.rstrip("/"), config, options, []
        self.patience = Patience(config, **options)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @property
    def down(self):
        """The error that ended all work with this server, or None."""
        return self.patience.down

    def using(self, config):
        """Return the same root with other settings."""
        return SasRoot(self.url, config, **self._options)

    def close(self):
        """Close the connections and end every pause."""
        self.patience.closed.set()
        while self._idle:
            self._idle.pop().close()

    def check(self):
        """Ask for the root once; raise FetchError unless the server answers."""
        try:
            with self._answer("", {}):
                pass
        except PassingFault as fault:
            raise fault.error from fault

    def fetch_bytes(self, rel, most=None):
        """Return the content of a small file; raise FetchError where that cannot be had.

        ``most`` is the largest length in bytes, by default that of a spectrum.
        """
        most = most or self.config.max_bytes_spectrum
        return self.patience.persist(lambda: self._bring_bytes(rel, most))

    def fetch(self, rel, dest, sha1=None):
        """Bring a file of any size to ``dest``, going on where an earlier attempt or job was cut off.

        The bytes gather in ``dest`` + ".part", which takes the name when length, first bytes and, if given, ``sha1``
        (hexadecimal) are right. Attempts count anew where the last ones brought something. Raises FetchError; where
        the SHA-1 is wrong, the unfinished file is removed.
        """
        part, reached = Part(Path(dest)), -1
        with part.lock():
            while reached < 0:
                had = part.size
                try:
                    reached = self.patience.persist(lambda: self._bring_part(rel, part))
                except FetchError:
                    if part.size < had + CHUNK:
                        raise
            try:
                check_sha1(rel, part.path, sha1)
            except FetchError:
                part.remove()
                raise
            part.finish()

    def find_sha1(self, rel):
        """Return the SHA-1 that a ``*.sha1sum`` file in the same folder gives for a file, or None where none does."""
        folder = rel[: rel.rfind("/") + 1]
        try:
            page = self.fetch_bytes(folder, MAX_BYTES_LISTING).decode("utf-8", "replace")
            for link in sha1sum_links(page)[:MAX_SUMS]:
                text = self.fetch_bytes(folder + link, MAX_BYTES_LISTING).decode("utf-8", "replace")
                for name, sha1 in parse_sha1sum(text).items():
                    if f"/{rel}".endswith(f"/{name}"):
                        return sha1
        except FetchError:
            if self.down is not None:
                raise
        return None

    def _bring_bytes(self, rel, most):
        with self._answer(rel, {}) as response:
            content = b"".join(self._chunks(rel, response, 0, most))
        check_arrived(rel, content[:64], len(content))
        return content

    def _bring_part(self, rel, part):
        """Bring what an unfinished file still lacks and return its length in bytes."""
        with self._answer(rel, part.headers()) as response:
            start, total = _go_on(rel, response, part)
            check_free_space(part.dest.parent, (total or 0) - start)
            progress = Progress(f"fetch {part.dest.name}", (total or 0) // CHUNK, "MiB", done=start // CHUNK)
            with open(part.path, "ab") as file:
                for chunk in self._chunks(rel, response, start, self.config.max_bytes_file):
                    check_free_space(part.dest.parent, len(chunk))
                    file.write(chunk)
                    if total and file.tell() // CHUNK > progress.done:
                        progress.add(file.tell() // CHUNK - progress.done)
            if total not in (None, part.path.stat().st_size):
                raise passing("the server sent a part only", "cut short", rel, f"{part.size:,} of {total:,} bytes")
        try:
            with open(part.path, "rb") as file:
                check_arrived(rel, file.read(64), part.path.stat().st_size)
        except (FetchError, PassingFault):
            part.remove()
            raise
        return part.path.stat().st_size

    @contextmanager
    def _answer(self, rel, headers):
        """Give the server's answer to a request for one file; raise FetchError, or PassingFault if it may pass."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = _session()
        try:
            with self._follow(session, rel, headers) as response:
                if not _may_pass(response.status_code):
                    self.patience.answered()
                _check_answer(rel, response)
                yield response
        finally:
            self._idle.append(session)
            if self.patience.closed.is_set():
                self.close()

    def _follow(self, session, rel, headers):
        """Return the answer behind redirects within the same host."""
        url = f"{self.url}/{rel}"
        for _ in range(MAX_REDIRECTS):
            response = self._send(session, url, headers)
            if not response.is_redirect:
                return response
            response.close()
            url = next_url(rel, url, response.headers["Location"])
        remedy = "Look whether sas names the archive's root"
        raise FetchError("the server redirects without end", reason="refused", item=rel, got=url, remedy=remedy)

    def _send(self, session, url, headers):
        timeout = (self.config.connect_timeout, self.config.read_timeout)
        try:
            return session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout)
        except requests.Timeout as error:
            raise passing("the server does not answer in time", "timeout", url, error) from error
        except requests.ConnectionError as error:
            raise passing("no connection to the server", "server error", url, error) from error
        except requests.RequestException as error:
            what, remedy = "the server cannot be asked for this file", "Look whether sas is a URL that a browser opens"
            raise FetchError(what, reason="refused", item=url, got=str(error), remedy=remedy) from error

    def _chunks(self, rel, response, start, most):
        """Yield the body's bytes, which begin at byte ``start`` of the file."""
        declared = parse_length(response.headers)
        whole = None if declared is None else start + declared
        check_size(rel, whole or 0, most)
        size, began = start, self.patience.clock()
        try:
            while chunk := response.raw.read1(CHUNK, decode_content=False):
                size += len(chunk)
                check_size(rel, size, most)
                seconds = self.patience.clock() - began
                if seconds > self.config.read_timeout and size - start < self.config.min_rate * seconds:
                    raise passing("the transfer is too slow", "timeout", rel, f"{size:,} bytes in {seconds:.0f} s")
                yield chunk
        except ReadTimeoutError as error:
            raise passing("the transfer has stalled", "timeout", rel, f"{size:,} bytes") from error
        except BodyError as error:
            raise passing("the transfer was cut short", "cut short", rel, f"{size:,} bytes") from error
        if whole not in (None, size):
            raise passing("the transfer was cut short", "cut short", rel, f"{size:,} of {whole:,} bytes")


class _Session(requests.Session):
    """A session that leaves redirects alone: requests would read the body of one whole, and unpack it."""

    def get_redirect_target(self, resp):
        """Return None."""


def _session():
    session = _Session()
    session.headers.update({"User-Agent": f"galspec/{__version__}", "Accept-Encoding": "identity"})
    return session


def _may_pass(status):
    return status in PASSING or status >= 500


def _check_answer(rel, response):
    """Raise FetchError, or PassingFault if it may pass, unless the answer's body is the file or the rest of it."""
    status, got = response.status_code, f"HTTP {response.status_code} {response.reason}"[:200]
    if status in MISSING:
        raise FetchError("the server has no such file", reason="missing", item=response.url, got=got)
    if _may_pass(status):
        wait = parse_retry_after(response.headers.get("Retry-After"))
        raise passing("the server fails", "server error", response.url, got, wait)
    asked = "Range" in response.request.headers
    if status != 200 and not (asked and status in (206, BAD_RANGE)):
        remedy = "Open the address in a browser: it may need a login, or limit who may fetch"
        raise FetchError("the server refuses", reason="refused", item=response.url, got=got, remedy=remedy)
    if status != BAD_RANGE:
        check_headers(rel, response.headers)


def _go_on(rel, response, part):
    """Return (first byte, whole length or None) of a body that follows ``part``, emptied if the file has changed."""
    version = version_of(response.headers)
    if response.status_code == 200:
        part.restart(version)
        return 0, parse_length(response.headers)
    start, total = parse_content_range(response.headers.get("Content-Range"))
    if response.status_code == BAD_RANGE or start != part.size or version not in ("", part.version):
        part.remove()
        raise passing("the server's file has changed", "cut short", rel, f"{start} of {total} bytes")
    return start, total
