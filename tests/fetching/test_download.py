"""Unfinished files that are gone on from, and many files at once."""

import hashlib
import socket

import pytest

from galspec_core.download import Part
from galspec_core.errors import FetchError
from galspec_core.sas import (
    FetchConfig,
    fetch_many,
    open_root,
    spec_path,
)
from tests.fetching.files import CATALOG, CONFIG, content, fits_like, many


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
