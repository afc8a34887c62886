"""Bringing files from the SAS: where they are, and what happens on a bad day of the server."""

import hashlib
import socket
from datetime import UTC, datetime
from itertools import count

import numpy as np
import pytest

from galspec_core.download import Part, Patience
from galspec_core.errors import FetchError
from galspec_core.sas import (
    CATALOG_PATHS,
    FetchConfig,
    check_free_space,
    fetch_file,
    fetch_many,
    is_url,
    open_root,
    spec_path,
)
from galspec_core.verify import parse_content_range, parse_retry_after, parse_sha1sum
from tests.sas_server import SasServer

CONFIG = FetchConfig(threads=3, retries=3, connect_timeout=2.0, read_timeout=5.0)
SPECTRUM = "dr16/sdss/spectro/redux/26/spectra/lite/0266/spec-0266-51602-0001.fits"
CATALOG = "dr8/common/galSpecExtra-dr8.fits"


def fits_like(blocks, seed=0):
    """Return bytes that begin and end like a FITS file."""
    body = np.random.default_rng(seed).integers(0, 256, 2880 * blocks - 30, dtype=np.uint8).tobytes()
    return b"SIMPLE  =                    T" + body


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def tree(tmp_path):
    for i, rel in enumerate((SPECTRUM, CATALOG)):
        path = tmp_path / "sas" / rel
        path.parent.mkdir(parents=True)
        path.write_bytes(fits_like(20 + i, seed=i))
    return tmp_path / "sas"


@pytest.fixture
def server(tree):
    with SasServer(tree) as server:
        yield server


@pytest.fixture
def slept():
    return []


@pytest.fixture
def root(server, slept):
    with open_root(server.url, CONFIG, seed=1, sleep=slept.append) as root:
        yield root


def content(tree, rel=SPECTRUM):
    return (tree / rel).read_bytes()


@pytest.mark.parametrize(
    ("run2d", "plate", "mjd", "fiberid", "path"),
    [
        ("26", 266, 51602, 1, SPECTRUM),
        (103, 2850, 54461, 12, "dr16/sdss/spectro/redux/103/spectra/lite/2850/spec-2850-54461-0012.fits"),
        ("104", 2, 53000, 640, "dr16/sdss/spectro/redux/104/spectra/lite/0002/spec-0002-53000-0640.fits"),
        ("v5_13_0", 3586, 55181, 1000, "dr16/eboss/spectro/redux/v5_13_0/spectra/lite/3586/spec-3586-55181-1000.fits"),
        ("v5_10_0 ", 10000, 57346, 9, "dr16/eboss/spectro/redux/v5_10_0/spectra/lite/10000/spec-10000-57346-0009.fits"),
    ],
)
def test_the_path_of_a_spectrum(run2d, plate, mjd, fiberid, path):
    assert spec_path(run2d, plate, mjd, fiberid) == path


def test_paths_are_those_of_real_files(sdss_sample):
    names = {str(p.relative_to(sdss_sample)) for p in sdss_sample.rglob("spec-*.fits")}
    made = {spec_path(name.split("/")[4], *name[:-5].split("/")[-1].split("-")[1:]) for name in names}
    assert made == names
    there = [name for name, path in CATALOG_PATHS.items() if (sdss_sample / path).is_file()]
    assert there == ["specobj", "galspecextra", "portsmouth_boss"]


def test_urls_and_folders():
    assert is_url("https://data.sdss.org/sas")
    assert is_url("HTTP://host/sas")
    assert not is_url("/data/sas")
    assert not is_url("httpd/sas")


def test_a_folder_gives_files_and_reasons(tree):
    local = open_root(tree, CONFIG)
    local.check()
    assert local.fetch_bytes(SPECTRUM) == content(tree)
    (tree / "short.fits").write_bytes(content(tree)[:-1])
    (tree / "page.fits").write_bytes(b"<html></html>")
    (tree / "empty.fits").write_bytes(b"")
    (tree / "folder.fits").mkdir()
    reasons = {
        "none.fits": "missing",
        "short.fits": "cut short",
        "page.fits": "not FITS",
        "empty.fits": "cut short",
        "folder.fits": "refused",
    }
    got = dict(fetch_many(local, list(reasons)))
    assert [got[i].reason for i in range(5)] == list(reasons.values())
    with pytest.raises(FetchError, match="no such folder"):
        open_root(tree / "nowhere").check()


def test_the_server_gives_what_the_folder_has(root, server, tree):
    root.check()
    assert root.fetch_bytes(SPECTRUM) == content(tree)
    assert server.hits[SPECTRUM] == 1
    headers = server.requests[-1][1]
    assert headers["User-Agent"].startswith("galspec/")
    assert headers["Accept-Encoding"] == "identity"


FAULTS_THAT_PASS = {
    "server errors": {"kind": "status", "status": 500, "times": 2},
    "bad gateway": {"kind": "status", "status": 502},
    "too many requests": {"kind": "status", "status": 429},
    "cut midway": {"kind": "cut", "at": 5000},
    "cut before the first byte": {"kind": "cut", "at": 0},
    "wrong length": {"kind": "shorter", "at": 2880 * 3 + 100},
    "chunks without an end": {"kind": "chunked", "at": 1},
    "empty": {"kind": "shorter", "at": 0},
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


PAGE = b"<!DOCTYPE html><html>please log in</html>"
FINAL = {
    "missing": ({"kind": "status", "status": 404}, "missing"),
    "gone": ({"kind": "status", "status": 410}, "missing"),
    "forbidden": ({"kind": "status", "status": 403}, "refused"),
    "nothing": ({"kind": "status", "status": 204}, "refused"),
    "web page": ({"kind": "body", "body": PAGE, "headers": {"Content-Type": "text/html; charset=utf-8"}}, "not FITS"),
    "web page that says FITS": ({"kind": "body", "body": PAGE, "headers": {"Content-Type": "image/fits"}}, "not FITS"),
    "wrong bytes": ({"kind": "body", "body": bytes(2880)}, "not FITS"),
    "length unsaid": ({"kind": "no length"}, "refused"),
    "another host": (
        {"kind": "status", "status": 302, "headers": {"Location": "http://localhost:1/x.fits"}},
        "refused",
    ),
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


def test_a_redirect_within_the_host_is_followed(root, server, tree):
    server.fail("old.fits", kind="status", status=301, headers={"Location": f"/{SPECTRUM}"})
    assert root.fetch_bytes("old.fits") == content(tree)


def test_whole_chunks_are_a_whole_file(root, server, tree):
    server.fail(SPECTRUM, kind="chunked")
    assert root.fetch_bytes(SPECTRUM) == content(tree)
    assert server.hits[SPECTRUM] == 1


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


def test_files_have_a_largest_size(server):
    with open_root(server.url, FetchConfig(max_bytes_spectrum=50_000, max_bytes_file=50_000)) as root:
        with pytest.raises(FetchError, match="too large"):
            root.fetch_bytes(SPECTRUM)
        server.fail(SPECTRUM, kind="chunked")
        with pytest.raises(FetchError, match="too large"):
            root.fetch_bytes(SPECTRUM)


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


def test_headers_are_read_as_http_writes_them():
    now = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
    assert parse_retry_after("120") == 120.0
    assert parse_retry_after("Wed, 01 May 2024 12:01:30 GMT", now) == 90.0
    assert parse_retry_after("Wed, 01 May 2024 11:00:00 GMT", now) == 0.0
    assert parse_retry_after("soon") is None
    assert parse_retry_after(None) is None
    assert parse_content_range("bytes 100-199/200") == (100, 200)
    assert parse_content_range("bytes 100-199/*") == (100, None)
    assert parse_content_range("bytes */200") == (None, None)


def test_a_cut_file_goes_on_where_it_stopped(root, server, tree, tmp_path):
    whole = content(tree, CATALOG)
    server.fail(CATALOG, kind="cut", at=20_000)
    server.fail(CATALOG, kind="cut", at=10_000)
    root.fetch(CATALOG, tmp_path / "out/catalog")
    assert (tmp_path / "out/catalog").read_bytes() == whole
    ranges = [headers.get("Range") for path, headers in server.requests if path == CATALOG]
    assert ranges == [None, "bytes=20000-", "bytes=30000-"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["catalog"]


def test_a_killed_job_leaves_no_whole_name_and_the_next_goes_on(server, tree, tmp_path):
    dest = tmp_path / "catalog"
    server.fail(CATALOG, kind="cut", at=20_000)
    with open_root(server.url, FetchConfig(retries=0)) as first, pytest.raises(FetchError):
        first.fetch(CATALOG, dest)
    assert not dest.exists()
    assert Part(dest).path.stat().st_size == 20_000
    with open_root(server.url, FetchConfig(retries=0)) as second:
        second.fetch(CATALOG, dest)
    assert dest.read_bytes() == content(tree, CATALOG)
    assert server.requests[-1][1]["Range"] == "bytes=20000-"


@pytest.mark.parametrize("case", ["changed", "ignored", "no version", "longer than the file"])
def test_an_unfinished_file_of_another_version_is_fetched_anew(server, tree, tmp_path, case):
    dest, whole = tmp_path / "catalog", fits_like(30, seed=9)
    server.etags = case != "no version"
    server.fail(CATALOG, kind="cut", at=20_000)
    with open_root(server.url, FetchConfig(retries=2), sleep=lambda seconds: None) as root:
        with pytest.raises(FetchError):
            root.using(FetchConfig(retries=0)).fetch(CATALOG, dest)
        if case == "longer than the file":
            with open(Part(dest).path, "ab") as file:
                file.write(bytes(10**6))
        else:
            (tree / CATALOG).write_bytes(whole)
        if case == "ignored":
            server.fail(CATALOG, kind="ignore range")
        root.fetch(CATALOG, dest)
    assert dest.read_bytes() == content(tree, CATALOG)


def test_a_range_of_another_version_is_not_appended(server, tree, tmp_path):
    dest = tmp_path / "catalog"
    whole = content(tree, CATALOG)
    server.fail(CATALOG, kind="cut", at=20_000)
    headers = {"ETag": '"other"', "Content-Range": f"bytes 20000-{len(whole) - 1}/{len(whole)}"}
    server.fail(CATALOG, kind="status", status=206, headers=headers, body=bytes(len(whole) - 20_000))
    with open_root(server.url, CONFIG, sleep=lambda seconds: None) as root:
        root.fetch(CATALOG, dest)
    assert dest.read_bytes() == whole


def test_a_range_shorter_than_the_rest_is_gone_on_from(server, tree, tmp_path):
    whole = content(tree, CATALOG)
    server.fail(CATALOG, kind="cut", at=20_000)
    headers = {"ETag": f'"{hashlib.md5(whole).hexdigest()}"', "Content-Range": f"bytes 20000-39999/{len(whole)}"}
    server.fail(CATALOG, kind="status", status=206, headers=headers, body=whole[20_000:40_000])
    with open_root(server.url, CONFIG, sleep=lambda seconds: None) as root:
        root.fetch(CATALOG, tmp_path / "catalog")
    assert (tmp_path / "catalog").read_bytes() == whole


def test_attempts_that_bring_something_earn_more_attempts(server, tree, tmp_path, capsys):
    (tree / CATALOG).write_bytes(fits_like(2500))
    server.fail(CATALOG, kind="cut", at=1_200_000, times=5)
    with open_root(server.url, FetchConfig(retries=1), sleep=lambda seconds: None) as root:
        root.fetch(CATALOG, tmp_path / "catalog")
    assert (tmp_path / "catalog").read_bytes() == content(tree, CATALOG)
    assert "[fetch catalog] 6/6 MiB (100 %)" in capsys.readouterr().err


def test_two_jobs_do_not_write_one_file(root, tmp_path):
    with Part(tmp_path / "catalog").lock(), pytest.raises(FetchError, match="another job"):
        root.fetch(CATALOG, tmp_path / "catalog")


def test_a_sha1sum_is_found_and_held_to(server, root, tree, tmp_path):
    dest, sha1 = tmp_path / "catalog", hashlib.sha1(content(tree, CATALOG)).hexdigest()
    folder = (tree / CATALOG).parent
    assert root.find_sha1(CATALOG) is None
    (folder / "dr8_common.sha1sum").write_text(f"# comment\n{'0' * 40}  other.fits\n{sha1}  galSpecExtra-dr8.fits\n")
    assert root.find_sha1(CATALOG) == sha1
    fetch_file(f"{server.url}/{CATALOG}", dest, CONFIG)
    assert dest.read_bytes() == content(tree, CATALOG)
    dest.unlink()
    (folder / "dr8_common.sha1sum").write_text(f"{'0' * 40} *./galSpecExtra-dr8.fits\n")
    with pytest.raises(FetchError) as caught:
        fetch_file(f"{server.url}/{CATALOG}", dest, CONFIG)
    assert caught.value.reason == "checksum"
    assert list(tmp_path.glob("catalog*")) == []


def test_a_forbidden_listing_is_no_hindrance(server, root, tree, tmp_path):
    server.fail("dr8/common/", kind="status", status=403, times=None)
    fetch_file(f"{server.url}/{CATALOG}", tmp_path / "catalog", CONFIG)
    assert (tmp_path / "catalog").read_bytes() == content(tree, CATALOG)


def test_a_table_behind_a_query_is_fetched_as_it_stands(server, tree, tmp_path):
    (tree / "votable").write_text("<?xml version='1.0'?><VOTABLE/>")
    fetch_file(f"{server.url}/votable?-source=J/MNRAS/465/4530&-out.all", tmp_path / "outliers", CONFIG)
    assert (tmp_path / "outliers").read_text().endswith("<VOTABLE/>")
    assert server.requests[-1][0] == "votable?-source=J/MNRAS/465/4530&-out.all"


def test_sha1sum_lines_are_read_in_both_forms():
    text = f"{'a' * 40}  one.fits\n{'B' * 40} *./sub/two.fits\nnot a sum\n"
    assert parse_sha1sum(text) == {"one.fits": "a" * 40, "sub/two.fits": "b" * 40}


def many(tree, n):
    """Add ``n`` spectra to a tree and return their paths."""
    rels = [spec_path(26, 300, 51666, i) for i in range(1, n + 1)]
    for i, rel in enumerate(rels):
        (tree / rel).parent.mkdir(parents=True, exist_ok=True)
        (tree / rel).write_bytes(fits_like(1, seed=i))
    return rels


def test_many_files_come_once_each_with_errors_in_their_place(server, tree, slept):
    rels = many(tree, 40)
    (tree / rels[7]).unlink()
    server.fail(rels[3], kind="cut", at=100)
    server.fail(rels[20], kind="status", status=500, times=None)
    with open_root(server.url, CONFIG, sleep=slept.append) as root:
        got = dict(fetch_many(root, rels))
    assert sorted(got) == list(range(40))
    assert {i: value.reason for i, value in got.items() if isinstance(value, FetchError)} == {
        7: "missing",
        20: "server error",
    }
    assert all(got[i] == (tree / rels[i]).read_bytes() for i in range(40) if i not in (7, 20))
    assert [server.hits[rels[i]] for i in (0, 3, 7, 20)] == [1, 2, 1, 4]


def test_many_files_are_not_asked_for_ahead_of_their_reader(server, tree):
    rels = many(tree, 40)
    results = fetch_many(open_root(server.url), rels, FetchConfig(threads=2))
    next(results)
    results.close()
    assert sum(server.hits.values()) <= 4


def test_a_dead_server_ends_the_work_with_one_clear_error(tmp_path, slept):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    config = FetchConfig(threads=4, retries=2, give_up_after=6)
    rels = [spec_path(26, 300, 51666, i) for i in range(1000)]
    results = []
    with pytest.raises(FetchError, match="cannot be reached") as caught:
        results.extend(fetch_many(open_root(url, sleep=slept.append), rels, config))
    assert caught.value.reason == "server error"
    assert len(results) < config.give_up_after + config.threads
    assert len(slept) <= config.retries * (config.give_up_after + config.threads)
    with pytest.raises(FetchError, match="no connection"):
        open_root(url).check()


def test_a_server_that_only_fails_is_not_stormed(server, tree, slept):
    rels = many(tree, 60)
    server.fail("*", kind="status", status=503, times=None)
    config = FetchConfig(threads=2, retries=1, give_up_after=5)
    with pytest.raises(FetchError, match="cannot be reached"):
        list(fetch_many(open_root(server.url, sleep=slept.append), rels, config))
    assert sum(server.hits.values()) <= 2 * (5 + 2)


def test_single_failures_between_good_files_do_not_add_up(server, tree, slept):
    rels = many(tree, 30)
    for rel in rels[::2]:
        server.fail(rel, kind="status", status=500, times=None)
    config = FetchConfig(threads=1, retries=0, give_up_after=3)
    got = dict(fetch_many(open_root(server.url, sleep=slept.append), rels, config))
    assert sum(isinstance(value, FetchError) for value in got.values()) == 15


def test_free_space_is_checked_where_the_folder_will_be(tmp_path):
    check_free_space(tmp_path / "not/yet", 1)
    with pytest.raises(FetchError, match="not enough free space") as caught:
        check_free_space(tmp_path / "not/yet", 1e18)
    assert caught.value.reason == "no space"
