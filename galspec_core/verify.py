"""Whether what a server sent is the file that was asked for: headers, first bytes, length, checksum, room on disk."""

import hashlib
import re
import shutil
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from galspec_core.errors import FetchError

FITS_START = b"SIMPLE  ="  # first bytes of every FITS file (FITS standard 4.0, section 4.4.1)
FITS_BLOCK = 2880  # bytes; a FITS file is a whole number of blocks (FITS standard 4.0, section 3.1)
HTML_STARTS = (b"<!doctype html", b"<html")
SHA1_LINE = re.compile(r"^([0-9a-fA-F]{40}) [ *](.+)$")
SHA1_LINK = re.compile(r'href="([^"?#:]+\.sha1sum)"')
WHOLE_NUMBER = re.compile(r"\d{1,18}", re.ASCII)  # what fits 64 bits; int() takes more, and digits of other alphabets
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", re.ASCII)
SCHEMES = {"http": {"http", "https"}, "https": {"https"}}  # where a redirect may lead from each


def parse_length(headers):
    """Return the length in bytes that an answer's headers declare, None where they declare none."""
    text = headers.get("Content-Length", "").strip()
    return int(text) if WHOLE_NUMBER.fullmatch(text) else None


def parse_retry_after(text, now=None):
    """Return the seconds that a Retry-After header asks for, a number or an HTTP date; None if it is neither."""
    if text is None:
        return None
    if WHOLE_NUMBER.fullmatch(text.strip()):
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())


def parse_content_range(text):
    """Return (first byte, whole length) of a Content-Range header; a number it does not say is None."""
    match = CONTENT_RANGE.fullmatch((text or "").strip())
    if not match:
        return None, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def is_fits(name):
    """Return whether a path or URL names a FITS file that is not compressed."""
    return urlsplit(str(name)).path.lower().endswith((".fits", ".fit"))


def is_folder(name):
    """Return whether a path names a folder, whose list of files is a web page."""
    return name == "" or name.endswith("/")


def version_of(headers):
    """Return what names the version of a file in an answer's headers: a strong ETag, else Last-Modified, else ""."""
    etag = headers.get("ETag", "")
    version = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    return version if version.isprintable() else ""


def next_url(name, url, location):
    """Return where a redirect from ``url`` leads; raise FetchError if it leaves the host, or https for http."""
    remedy = "If that server is right, put it in the configuration"
    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
    except ValueError:
        raise FetchError("the server points nowhere", reason="refused", item=name, got=location[:200]) from None
    if new.hostname != old.hostname or new.scheme not in SCHEMES[old.scheme]:
        what = "the server points elsewhere"
        raise FetchError(what, reason="refused", item=name, got=target[:200], remedy=remedy)
    return target


def check_headers(name, headers):
    """Raise FetchError if an answer's headers (names in any case) speak of a web page, or of no length."""
    if "text/html" in headers.get("Content-Type", "").lower() and not is_folder(name):
        reason = "not FITS" if is_fits(name) else "refused"
        raise FetchError("the server sent a web page in place of the file", reason=reason, item=name)
    if parse_length(headers) is None and "Transfer-Encoding" not in headers:
        raise FetchError("the server does not say how long the file is", reason="refused", item=name)


def check_start(name, head):
    """Raise FetchError unless the first bytes are those of the kind of file that ``name`` promises."""
    if is_fits(name) and not head.startswith(FITS_START):
        raise FetchError("not a FITS file", reason="not FITS", item=name, got=f"first bytes {head[:20]!r}")
    if head.lstrip().lower().startswith(HTML_STARTS) and not is_folder(name):
        raise FetchError("the server sent a web page in place of the file", reason="refused", item=name)


def check_whole(name, head, size):
    """Raise FetchError unless first bytes and length in bytes fit a whole file of its kind."""
    if size == 0:
        raise FetchError("the file is empty", reason="cut short", item=name)
    check_start(name, head)
    if is_fits(name) and size % FITS_BLOCK:
        what, expected = "the file is cut short", f"a whole number of {FITS_BLOCK}-byte blocks"
        raise FetchError(what, reason="cut short", item=name, expected=expected, got=f"{size:,} bytes")


def check_size(name, size, most):
    """Raise FetchError if ``size`` bytes are more than ``most``."""
    if size > most:
        expected = f"at most {most:,} bytes"
        raise FetchError("the file is too large", reason="refused", item=name, expected=expected, got=f"{size:,}")


def parse_sha1sum(text):
    """Return {file name: SHA-1 in hexadecimal} of the lines that ``sha1sum`` writes; other lines are passed over."""
    matches = filter(None, (SHA1_LINE.match(line.strip()) for line in text.splitlines()))
    return {match[2].strip().removeprefix("./"): match[1].lower() for match in matches}


def sha1sum_links(page):
    """Return the names of the ``*.sha1sum`` files that the web page of a folder lists; SDSS has no fixed name."""
    return list(dict.fromkeys(link.rpartition("/")[2] for link in SHA1_LINK.findall(page)))


def check_sha1(name, path, expected):
    """Raise FetchError unless the file at ``path`` has the SHA-1 ``expected``; None is not checked."""
    if expected is None:
        return
    with open(path, "rb") as file:
        got = hashlib.file_digest(file, "sha1").hexdigest()
    if got != expected.lower():
        what = "the file is not the one its sha1sum names"
        raise FetchError(what, reason="checksum", item=name, expected=expected, got=got)


def check_free_space(folder, needed):
    """Raise FetchError unless ``needed`` bytes are free where ``folder`` is or will be."""
    folder = Path(folder).absolute()
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        facts = {"item": there, "expected": f"{needed / 1e9:.3f} GB", "got": f"{free / 1e9:.3f} GB"}
        remedy = "Make room, or run in another folder with --directory"
        raise FetchError("not enough free space", reason="no space", remedy=remedy, **facts)
