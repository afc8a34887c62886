"""Fetching a shard from a server that has bad days."""

from dataclasses import replace

import numpy as np
import pytest

from galspec_core.errors import FetchError, TooManyRejected
from galspec_core.sas import FetchConfig, open_root
from galspec_core.spectra import fetch as module
from galspec_core.spectra.fetch import fetch_shard, read_targets, write_shard
from galspec_core.spectra.shard import iterate_native, native_table
from tests.sas_server import SasServer
from tests.spectra.files import rel, spec_lite

CONFIG = FetchConfig(threads=3, retries=2, connect_timeout=2.0, read_timeout=1.0, backoff=0.01, max_backoff=0.02)
N = 12


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "CHUNK", 4)


@pytest.fixture
def targets():
    run2d = ["26", "v5_13_0"]
    return [
        dict(specobjid=2**63 + i, plate=9001, mjd=57001, fiberid=i + 1, run2d=run2d[i % 2], z=0.1) for i in range(N)
    ]


@pytest.fixture
def server(tmp_path, targets):
    for target in targets:
        path = tmp_path / "sas" / rel(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(spec_lite(target))
    with SasServer(tmp_path / "sas") as server:
        yield server


def fetch(server, targets, tmp_path, most=0.5, floor=0):
    root = open_root(server.url, CONFIG)
    return fetch_shard(targets, root, CONFIG, tmp_path / "partial", "0000", most, floor)


def ids(rows):
    return [row["specobjid"] for row in rows]


def test_a_shard_comes_whole_and_in_the_manifests_order(server, targets, tmp_path):
    native, rejected = fetch(server, targets, tmp_path)
    assert rejected == []
    write_shard(tmp_path / "s.parquet", native, targets)
    rows = list(iterate_native(tmp_path / "s.parquet"))
    assert [row["specobjid"] for row, _ in rows] == [target["specobjid"] for target in targets]
    for (_, spectrum), target in zip(rows, targets, strict=True):
        assert np.array_equal(spectrum.flux, np.random.default_rng(target["fiberid"]).normal(1, 0.1, 200).astype("f4"))


FAULTS = [  # what the server does, and the word that stands in the table of rejected spectra (None: it is overcome)
    (dict(kind="status", status=404, times=None), "missing"),
    (dict(kind="status", status=500, times=2), None),
    (dict(kind="status", status=500, times=None), "server error"),
    (dict(kind="cut", at=3000, times=1), None),
    (dict(kind="cut", at=3000, times=None), "cut short"),
    (dict(kind="shorter", at=2880 * 2, times=None), "cut short"),
    (dict(kind="shorter", at=3000, times=None), "cut short"),
    (dict(kind="body", body=b"<html>busy</html>", times=None), "not FITS"),
    (dict(kind="stall", at=100, seconds=5, times=None), "timeout"),
    (dict(kind="stall", at=100, seconds=5, times=1), None),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=lambda v: str(v) if isinstance(v, str) else None)
def test_a_bad_answer_is_overcome_or_leaves_a_reason(server, targets, tmp_path, fault, reason):
    server.fail(rel(targets[3]), **fault)
    native, rejected = fetch(server, targets, tmp_path)
    assert [row["reason"] for row in rejected] == ([reason] if reason else [])
    assert len(ids(native)) + len(rejected) == N
    if reason:
        assert (rejected[0]["specobjid"], rejected[0]["stage"]) == (targets[3]["specobjid"], "fetch")
        assert rejected[0]["detail"]


def test_another_spectrums_file_is_refused(server, targets, tmp_path):
    server.fail(rel(targets[3]), "body", times=None, body=spec_lite(targets[4]))
    _, rejected = fetch(server, targets, tmp_path)
    assert [(row["reason"], row["specobjid"]) for row in rejected] == [("another spectrum", targets[3]["specobjid"])]


def test_too_many_rejected_fail_the_shard_with_their_counts(server, targets, tmp_path):
    for target in targets[:7]:
        server.fail(rel(target), "status", times=None, status=404)
    with pytest.raises(TooManyRejected, match="shard 0000: 7 of 12 spectra were rejected: 7 missing"):
        fetch(server, targets, tmp_path)


def test_a_killed_job_goes_on_behind_what_it_has(server, targets, tmp_path, monkeypatch):
    write = module._write_chunk

    def killed(partial, number, *rest):
        if number == 2:
            raise KeyboardInterrupt
        write(partial, number, *rest)

    monkeypatch.setattr(module, "_write_chunk", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch(server, targets, tmp_path)
    kept = len(list((tmp_path / "partial").glob("*.arrow"))) * 4
    before = sum(server.hits.values())
    monkeypatch.setattr(module, "_write_chunk", write)
    native, rejected = fetch(server, targets, tmp_path)
    assert kept == 8
    assert sum(server.hits.values()) - before == N - kept
    assert sorted(ids(native)) == [target["specobjid"] for target in targets]
    assert rejected == []


def test_a_rejected_spectrum_is_asked_for_again_by_the_next_job(server, targets, tmp_path):
    server.fail(rel(targets[0]), "body", body=b"<html>please log in</html>")
    _, rejected = fetch(server, targets, tmp_path)
    assert [row["reason"] for row in rejected] == ["not FITS"]
    before = sum(server.hits.values())
    native, rejected = fetch(server, targets, tmp_path)
    assert sum(server.hits.values()) == before + 1
    assert (sorted(ids(native)), rejected) == ([target["specobjid"] for target in targets], [])


@pytest.mark.parametrize("run2d", ["../../../../etc", "a/b", "", "26\0", "x" * 5000])
def test_a_name_that_would_leave_its_folder_is_rejected_and_not_asked_for(server, targets, tmp_path, run2d):
    targets[3]["run2d"] = run2d
    native, rejected = fetch(server, targets, tmp_path)
    assert [(row["reason"], row["specobjid"]) for row in rejected] == [("bad name", targets[3]["specobjid"])]
    assert len(ids(native)) == N - 1
    assert sum(server.hits.values()) == N - 1
    assert len(rejected[0]["detail"]) < 500


def test_what_an_earlier_job_left_of_another_sample_is_not_taken(server, targets, tmp_path):
    server.fail(rel(targets[0]), "status", times=None, status=404)
    fetch(server, targets, tmp_path, floor=5)
    native, rejected = fetch(server, targets[6:], tmp_path)
    assert sorted(ids(native)) == [target["specobjid"] for target in targets[6:]]
    assert rejected == []
    write_shard(tmp_path / "s.parquet", native, targets[6:])


def test_a_server_that_is_gone_ends_the_job_without_a_storm(targets, tmp_path):
    root = open_root("http://127.0.0.1:9", replace(CONFIG, retries=0))
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch_shard(targets, root, replace(CONFIG, retries=0), tmp_path / "partial", "0000", 0.5, 0)


def test_a_folder_gives_the_same_as_a_server(server, targets, tmp_path):
    remote, _ = fetch(server, targets, tmp_path)
    local, _ = fetch_shard(targets, open_root(tmp_path / "sas"), CONFIG, tmp_path / "other", "0000", 0.5, 0)
    whole = [native_table(rows).sort_by("specobjid") for rows in (remote, local)]
    assert whole[0].equals(whole[1])


def test_a_shards_list_keeps_identifiers_above_2_to_the_63(tmp_path):
    (tmp_path / "l.csv").write_text("specobjid,plate,mjd,fiberid,run2d,z\n18446744073709551615,9001,57001,1,26,0.1\n")
    assert read_targets(tmp_path / "l.csv") == [
        dict(specobjid=2**64 - 1, plate=9001, mjd=57001, fiberid=1, run2d="26", z=0.1)
    ]


def test_an_empty_list_is_an_empty_shard(server, tmp_path):
    (tmp_path / "l.csv").write_text("specobjid,plate,mjd,fiberid,run2d,z\n")
    native, rejected = fetch(server, read_targets(tmp_path / "l.csv"), tmp_path)
    write_shard(tmp_path / "s.parquet", native, [])
    assert (list(iterate_native(tmp_path / "s.parquet")), rejected) == ([], [])
