"""What one request does on a bad day of the server: wait and ask again, or say what is wrong."""

import gzip
import socket
import tracemalloc
from itertools import count

import numpy as np
import pytest

from galspec_core.download import Patience
from galspec_core.errors import FetchError
from galspec_core.sas import FetchConfig, open_root
from tests.fetching.files import CATALOG, CONFIG, SPECTRUM, content, fits_like

FAULTS_THAT_PASS = {
    "server errors": {"kind": "status", "status": 500, "times": 2},
    "bad gateway": {"kind": "status", "status": 502},
    "too many requests": {"kind": "status", "status": 429},
    "cut midway": {"kind": "cut", "at": 5000},
    "cut before the first byte": {"kind": "cut", "at": 0},
    "wrong length": {"kind": "shorter", "at": 2880 * 3 + 100},
    "chunks without an end": {"kind": "chunked", "at": 1},
    "empty": {"kind": "shorter", "at": 0},
    "reset": {"kind": "reset"},
    "reset midway": {"kind": "reset", "at": 5000},
    "longer than it is": {"kind": "declared", "headers": {"Content-Length": "1000000"}},
}


@pytest.mark.parametrize("name", FAULTS_THAT_PASS)
def test_faults_that_pass_cost_a_pause_and_nothing_else(root, server, tree, slept, name):
    fault = FAULTS_THAT_PASS[name]
    server.fail(SPECTRUM, **fault)
    assert root.fetch_bytes(SPECTRUM) == content(tree)
    times = fault.get("times", 1)
    assert server.hits[SPECTRUM] == times + 1
    assert len(slept) == times


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 500}, "server error"),
        ({"kind": "cut", "at": 5000}, "cut short"),
        ({"kind": "shorter", "at": 5000}, "cut short"),
    ],
)
def test_faults_that_stay_end_after_the_retries(root, server, slept, fault, reason):
    server.fail(SPECTRUM, times=None, **fault)
    with pytest.raises(FetchError, match="4 attempts") as caught:
        root.fetch_bytes(SPECTRUM)
    assert caught.value.reason == reason
    assert server.hits[SPECTRUM] == 1 + CONFIG.retries
    assert len(slept) == CONFIG.retries


ZIPPED = gzip.compress(bytes(50_000_000))
PAGE = b"<!DOCTYPE html><html>please log in</html>"
FINAL = {
    "missing": ({"kind": "status", "status": 404}, "missing"),
    "gone": ({"kind": "status", "status": 410}, "missing"),
    "forbidden": ({"kind": "status", "status": 403}, "refused"),
    "nothing": ({"kind": "status", "status": 204}, "refused"),
    "web page": ({"kind": "body", "body": PAGE, "headers": {"Content-Type": "text/html; charset=utf-8"}}, "not FITS"),
    "web page that says FITS": ({"kind": "body", "body": PAGE, "headers": {"Content-Type": "image/fits"}}, "not FITS"),
    "wrong bytes": ({"kind": "body", "body": bytes(2880)}, "not FITS"),
    "zipped in transfer": ({"kind": "body", "body": ZIPPED, "headers": {"Content-Encoding": "gzip"}}, "not FITS"),
    "zipped": ({"kind": "body", "body": gzip.compress(fits_like(20))}, "not FITS"),
    "length unsaid": ({"kind": "no length"}, "refused"),
    "length no number": ({"kind": "declared", "headers": {"Content-Length": "some"}}, "refused"),
    "length below zero": ({"kind": "declared", "headers": {"Content-Length": "-1"}}, "refused"),
    "length beyond all disks": ({"kind": "declared", "headers": {"Content-Length": "9" * 17}}, "refused"),
    "length of many digits": ({"kind": "declared", "headers": {"Content-Length": "9" * 5000}}, "refused"),
    "another host": (
        {"kind": "status", "status": 302, "headers": {"Location": "http://localhost:1/x.fits"}},
        "refused",
    ),
    "a file of this machine": (
        {"kind": "status", "status": 302, "headers": {"Location": "file:///etc/hosts"}},
        "refused",
    ),
    "nowhere": ({"kind": "status", "status": 302, "headers": {"Location": "http://[x/y.fits"}}, "refused"),
    "circle": ({"kind": "status", "status": 302, "headers": {"Location": f"/{SPECTRUM}"}}, "refused"),
}


@pytest.mark.parametrize("name", FINAL)
def test_final_answers_are_not_asked_for_again(root, server, slept, name, tmp_path):
    fault, reason = FINAL[name]
    server.fail(SPECTRUM, times=None, **fault)
    with pytest.raises(FetchError) as caught:
        root.fetch_bytes(SPECTRUM)
    assert caught.value.reason == reason
    assert server.hits[SPECTRUM] == (5 if name == "circle" else 1)
    assert slept == []
    with pytest.raises(FetchError):
        root.fetch(SPECTRUM, tmp_path / "file.fits")
    assert list(tmp_path.glob("file*")) == []


@pytest.mark.parametrize(
    "fault", [{"kind": "stall", "at": 5000, "seconds": 20.0}, {"kind": "stall", "at": 0, "seconds": 20.0}]
)
def test_a_stalled_transfer_times_out(server, tree, slept, fault):
    server.fail(SPECTRUM, **fault)
    with open_root(server.url, FetchConfig(read_timeout=0.1, retries=0), sleep=slept.append) as root:
        with pytest.raises(FetchError) as caught:
            root.fetch_bytes(SPECTRUM)
        assert caught.value.reason == "timeout"
        assert root.using(CONFIG).fetch_bytes(SPECTRUM) == content(tree)


def test_a_silent_server_times_out(slept):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        root = open_root(url, FetchConfig(read_timeout=0.1, retries=1), sleep=slept.append)
        with root, pytest.raises(FetchError, match="in time") as caught:
            root.fetch_bytes(SPECTRUM)
    assert caught.value.reason == "timeout"


def test_a_dripping_transfer_times_out(server, slept):
    server.fail(SPECTRUM, kind="drip", at=10_000, seconds=0.01)
    seconds = count(step=100)
    config = FetchConfig(retries=0, read_timeout=60.0, min_rate=1000.0)
    root = open_root(server.url, config, sleep=slept.append, clock=lambda: next(seconds))
    with root, pytest.raises(FetchError, match="too slow") as caught:
        root.fetch_bytes(SPECTRUM)
    assert caught.value.reason == "timeout"


def test_pauses_double_up_to_the_longest_with_jitter():
    config = FetchConfig(backoff=1.0, max_backoff=8.0)
    pauses = np.array([[Patience(config, seed=seed).pause(n) for n in range(6)] for seed in range(200)])
    longest = np.array([1, 2, 4, 8, 8, 8])
    assert (pauses <= longest).all()
    assert (pauses >= longest / 2).all()
    assert len(np.unique(pauses[:, 0])) == 200


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected_by_every_thread(server, tree, status):
    now, slept = [100.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    server.fail(SPECTRUM, kind="status", status=status, headers={"Retry-After": "7"})
    with open_root(server.url, CONFIG, sleep=sleep, clock=lambda: now[0]) as root:
        assert root.fetch_bytes(SPECTRUM) == content(tree)
    assert slept == [7.0]


def test_a_server_that_wants_hours_of_rest_is_left_alone(root, server, slept):
    server.fail(SPECTRUM, kind="status", status=503, headers={"Retry-After": "7200"}, times=None)
    with pytest.raises(FetchError):
        root.fetch_bytes(SPECTRUM)
    assert server.hits[SPECTRUM] == 1
    assert slept == []


@pytest.fixture
def peak():
    """Give a function that returns the most bytes held so far in this test."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_what_is_zipped_is_never_unpacked_on_arrival(root, server, peak):
    server.fail(SPECTRUM, kind="body", body=ZIPPED, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="not a FITS file"):
        root.fetch_bytes(SPECTRUM)
    assert peak() < 10_000_000


def test_a_body_without_end_is_cut_off(server, tmp_path):
    server.fail("*", kind="forever", times=None)
    with open_root(server.url, FetchConfig(max_bytes_spectrum=10**6, max_bytes_file=2 * 10**6)) as root:
        with pytest.raises(FetchError, match="too large"):
            root.fetch_bytes(SPECTRUM)
        with pytest.raises(FetchError, match="too large"):
            root.fetch(CATALOG, tmp_path / "catalog")
    assert sum(path.stat().st_size for path in tmp_path.glob("catalog*")) <= 2 * 10**6


def test_a_length_that_is_too_small_spoils_nothing_that_follows(root, server, tree):
    server.fail(SPECTRUM, kind="declared", headers={"Content-Length": str(2880 * 3)})
    assert root.fetch_bytes(SPECTRUM) == content(tree)[: 2880 * 3]
    assert root.fetch_bytes(SPECTRUM) == content(tree)


def test_what_a_server_says_does_not_reach_the_terminal_as_it_is(root, server):
    server.fail(SPECTRUM, kind="status", status=302, headers={"Location": "http://other/\x1b[2J" + 5000 * "x"})
    with pytest.raises(FetchError) as caught:
        root.fetch_bytes(SPECTRUM)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_the_body_of_a_redirect_is_not_read(root, server, tree, peak):
    headers = {"Location": f"/{SPECTRUM}", "Content-Encoding": "gzip"}
    server.fail("old.fits", kind="status", status=302, headers=headers, body=ZIPPED)
    assert root.fetch_bytes("old.fits") == content(tree)
    assert peak() < 10_000_000
