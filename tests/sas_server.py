"""A server of files on this machine that fails on demand: what the tests of downloads talk to."""

import hashlib
import os
import socket
import struct
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One misbehaviour: a word of FAULTS and what it needs to know."""

    kind: str
    status: int = 500
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    at: int = 0
    seconds: float = 0.0


def send_status(handler, fault, content):
    """Answer with a status and headers."""
    handler.answer(fault.status, fault.body, fault.headers)


def cut(handler, fault, content):
    """Promise everything, send ``at`` bytes more, and hang up."""
    status, start, headers = handler.range_of(content)
    handler.start(status, len(content) - start, headers)
    handler.wfile.write(content[start : start + fault.at])
    handler.wfile.flush()
    handler.close_connection = True


def stall(handler, fault, content):
    """Send ``at`` bytes, then nothing until ``seconds`` have passed or the server stops."""
    handler.start(200, len(content), {})
    handler.wfile.write(content[: fault.at])
    handler.wfile.flush()
    handler.server.stopping.wait(fault.seconds)
    handler.close_connection = True


def drip(handler, fault, content):
    """Send ``at`` bytes at a time with ``seconds`` between them."""
    handler.start(200, len(content), {})
    for i in range(0, len(content), fault.at):
        handler.wfile.write(content[i : i + fault.at])
        handler.wfile.flush()
        time.sleep(fault.seconds)


def shorter(handler, fault, content):
    """Send only ``at`` bytes, as if they were the whole file."""
    handler.answer(200, content[: fault.at], {})


def other_body(handler, fault, content):
    """Send another body."""
    handler.answer(200, fault.body, fault.headers)


def whole_file(handler, fault, content):
    """Ignore Range: send everything."""
    handler.answer(200, content, handler.validators(content))


def endless(handler, fault, content):
    """Send the body without saying how long it is."""
    handler.start(200, None, {})
    handler.wfile.write(content)
    handler.close_connection = True


def chunked(handler, fault, content):
    """Send the body in chunks, the last one missing where ``at`` is 1."""
    handler.start(200, None, {"Transfer-Encoding": "chunked"})
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
    handler.wfile.write(b"" if fault.at else b"0\r\n\r\n")
    handler.close_connection = True


def reset(handler, fault, content):
    """Reset the connection (RST): at once, or in the body behind ``at`` bytes."""
    if fault.at:
        handler.start(200, len(content), handler.validators(content))
        handler.wfile.write(content[: fault.at])
    handler.reset()


def declared(handler, fault, content):
    """Send everything under the Content-Length of the fault's headers, whatever that is, and hang up."""
    handler.start(200, None, fault.headers)
    handler.wfile.write(content)
    handler.close_connection = True


def forever(handler, fault, content):
    """Send chunks until the client hangs up or the server stops."""
    handler.start(200, None, {"Transfer-Encoding": "chunked"})
    while not handler.server.stopping.is_set():
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))


def other_file(handler, fault, content):
    """Send another file of the tree, named by the fault's body."""
    handler.answer(200, (Path(handler.server.folder) / fault.body.decode()).read_bytes(), {})


FAULTS = {
    "reset": reset,
    "declared": declared,
    "forever": forever,
    "other file": other_file,
    "status": send_status,
    "cut": cut,
    "stall": stall,
    "drip": drip,
    "shorter": shorter,
    "body": other_body,
    "ignore range": whole_file,
    "no length": endless,
    "chunked": chunked,
}


class Handler(BaseHTTPRequestHandler):
    """Serve a file, or the fault that stands next in the script of its path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        """Answer one request."""
        path = self.path.lstrip("/")
        with self.server.lock:
            self.server.hits[path] += 1
            self.server.requests.append((path, dict(self.headers)))
            fault = self.server.next_fault(path)
            dead = self.server.dies_after is not None and len(self.server.requests) > self.server.dies_after
        if dead:
            return self.server.die(self)
        file = Path(self.server.folder) / path.partition("?")[0]
        content = self.listing(file) if file.is_dir() else file.read_bytes() if file.is_file() else None
        if fault is not None:
            FAULTS[fault.kind](self, fault, content)
        elif content is None:
            self.answer(404, b"<html>not found</html>", {"Content-Type": "text/html"})
        elif file.is_dir():
            self.answer(200, content, {"Content-Type": "text/html"})
        else:
            status, start, headers = self.range_of(content)
            self.answer(status, content[start:], headers)

    def listing(self, folder):
        """Return the web page of a folder."""
        links = "".join(f'<a href="{p.name}">{p.name}</a>\n' for p in sorted(folder.iterdir()))
        return f"<html><body>{links}</body></html>".encode()

    def validators(self, content):
        """Return the headers that name the version of the file."""
        return {"ETag": f'"{hashlib.md5(content).hexdigest()}"'} if self.server.etags else {}

    def range_of(self, content):
        """Return status, first byte and headers of the answer to the request's Range."""
        headers, wanted = self.validators(content), self.headers.get("Range")
        if not wanted or self.headers.get("If-Range") != headers.get("ETag"):
            return 200, 0, headers
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        if start >= len(content):
            return 416, len(content), headers | {"Content-Range": f"bytes */{len(content)}"}
        return 206, start, headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}

    def start(self, status, length, headers):
        """Send the head of an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def reset(self):
        """Close the connection at once: with no time to linger, the kernel sends RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def answer(self, status, body, headers):
        """Send a whole answer."""
        self.start(status, len(body), headers)
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


class Clock:
    """A clock that only sleeping moves: ``slept`` lists the pauses that were asked for, in seconds."""

    def __init__(self):
        self.now, self.slept, self._lock = 0.0, [], threading.Lock()

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        """Let ``seconds`` pass at once."""
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


class SasServer(ThreadingHTTPServer):
    """Serve a folder on a free port of 127.0.0.1 while the ``with`` block lasts.

    ``hits`` counts requests by path, ``requests`` lists (path, headers). ``etags`` says whether files have a version.
    After ``dies_after`` requests, if that is a number, it answers none and takes no more connections.
    """

    daemon_threads, dies_after = True, None
    request_queue_size = 64

    def __init__(self, folder, etags=True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.etags, self.lock, self.stopping = folder, etags, threading.Lock(), threading.Event()
        self.hits, self.requests, self.scripts, self.always = defaultdict(int), [], defaultdict(list), {}

    @property
    def url(self):
        """Address of the folder."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fail(self, path, kind, times=1, **facts):
        """Let the next ``times`` requests for ``path`` meet a fault; None means all of them, "*" every path."""
        fault = Fault(kind, **facts)
        if times is None:
            self.always[path] = fault
        else:
            self.scripts[path] += [fault] * times

    def next_fault(self, path):
        """Return the fault that the present request meets, or None."""
        if self.scripts[path]:
            return self.scripts[path].pop(0)
        return self.always.get(path, self.always.get("*"))

    def die(self, handler):
        """Reset this connection and refuse the ones to come."""
        handler.reset()
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up."""

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.shutdown()
        self.thread.join()
        self.server_close()
