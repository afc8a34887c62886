"""Two thousand spectra from a server that fails now and then in every way it can, and from one that dies."""

import gzip
import random
import secrets
import struct

import pytest

from galspec_core.errors import FetchError
from galspec_core.sas import FetchConfig, open_root
from galspec_core.spectra.fetch import fetch_shard
from tests.sas_server import Clock, SasServer
from tests.spectra.files import rel, spec_lite

N = 2000
CONFIG = FetchConfig(
    threads=8, retries=3, connect_timeout=5.0, read_timeout=2.0, min_rate=0.0, max_bytes_spectrum=100_000
)
BLOCK = 2880
TEMPLATE = spec_lite(dict(plate=9000, mjd=57001, fiberid=1), pixels=100)
FAULTS = {  # fault, reasons after it happened once (none: overcome) and after it happened always
    "server error": (dict(kind="status", status=500), set(), {"server error"}),
    "too many requests": (dict(kind="status", status=429, headers={"Retry-After": "3"}), set(), {"server error"}),
    "rest for hours": (
        dict(kind="status", status=503, headers={"Retry-After": "7200"}),
        {"server error"},
        {"server error"},
    ),
    "reset": (dict(kind="reset"), set(), {"server error"}),
    "reset midway": (dict(kind="reset", at=3000), set(), {"server error", "cut short"}),
    "cut": (dict(kind="cut", at=3000), set(), {"cut short"}),
    "shorter": (dict(kind="shorter", at=3000), set(), {"cut short"}),
    "empty": (dict(kind="shorter", at=0), set(), {"cut short"}),
    "chunks without end": (dict(kind="chunked", at=1), set(), {"cut short"}),
    "length too large": (dict(kind="declared", headers={"Content-Length": "90000"}), set(), {"cut short"}),
    "length too small": (dict(kind="declared", headers={"Content-Length": "5760"}), {"cut short"}, {"cut short"}),
    "stall": (dict(kind="stall", at=100, seconds=60.0), set(), {"timeout"}),
    "drip": (dict(kind="drip", at=2000, seconds=0.001), set(), set()),
    "endless": (dict(kind="forever"), {"refused"}, {"refused"}),
    "missing": (dict(kind="status", status=404), {"missing"}, {"missing"}),
    "forbidden": (dict(kind="status", status=403), {"refused"}, {"refused"}),
    "elsewhere": (dict(kind="status", status=302, headers={"Location": "//other/"}), {"refused"}, {"refused"}),
    "web page": (dict(kind="body", body=b"<html>busy</html>"), {"not FITS"}, {"not FITS"}),
    "zipped": (dict(kind="body", body=gzip.compress(TEMPLATE)), {"not FITS"}, {"not FITS"}),
    "another": (dict(kind="body", body=TEMPLATE), {"another spectrum"}, {"another spectrum"}),
}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def plan(n):
    return [
        dict(specobjid=10**18 + i, plate=9001 + i // 500, mjd=57001, fiberid=i % 500 + 1, run2d="v5_13_0", z=0.1)
        for i in range(n)
    ]


def write_tree(folder, targets):
    """Write the template for each target with its own plate and fibre, and its number as the first pixel's flux."""
    header = TEMPLATE[:BLOCK]
    places = {
        key: header.index(f"{card:8s}=".encode()) + 10 for key, card in (("plate", "PLATEID"), ("fiberid", "FIBERID"))
    }
    flux = TEMPLATE.index(b"END" + b" " * 77, BLOCK) // BLOCK * BLOCK + BLOCK
    for i, target in enumerate(targets):
        content = bytearray(TEMPLATE)
        for key, place in places.items():
            content[place : place + 20] = b"%20d" % target[key]
        content[flux : flux + 4] = struct.pack(">f", i)
        path = folder / rel(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def first_flux(native):
    """Return {specobjid: flux of its first pixel}."""
    return {row["specobjid"]: row["flux"][0] for row in native}


def fetch(server, targets, folder, clock, config=CONFIG):
    root = open_root(server.url, config, seed=1, sleep=clock.sleep, clock=clock)
    return fetch_shard(targets, root, config, folder, "0000", 1.0, 0)


def spoil(server, targets, seed):
    """Let one file in twenty meet a fault, once or always; return {specobjid: (name, reasons)}."""
    rng = random.Random(seed)
    met = {}
    names = [*FAULTS, *rng.choices(list(FAULTS), k=len(targets) // 20 - len(FAULTS))]
    for name, target in zip(names, rng.sample(targets, len(names)), strict=True):
        fault, once, always = FAULTS[name]
        stays = rng.random() < 0.5
        server.fail(rel(target), times=None if stays else 1, **fault)
        met[target["specobjid"]] = (name, always if stays else once)
    return met


def test_all_that_can_be_had_comes_the_rest_is_listed_and_nobody_is_stormed(tmp_path):
    seed, targets, clock = secrets.randbits(32), plan(N), Clock()
    print("seed", seed)
    write_tree(tmp_path / "sas", targets)
    with SasServer(tmp_path / "sas") as server:
        met = spoil(server, targets, seed)
        native, rejected = fetch(server, targets, tmp_path / "partial", clock)
        lost = {name for name, (_, reasons) in met.items() if reasons}
        assert {row["specobjid"] for row in rejected} == lost
        assert [row for row in rejected if row["reason"] not in met[row["specobjid"]][1] or not row["detail"]] == []
        assert first_flux(native) == {t["specobjid"]: i for i, t in enumerate(targets) if t["specobjid"] not in lost}

        hits = {t["specobjid"]: server.hits[rel(t)] for t in targets}
        assert max(hits.values()) <= 1 + CONFIG.retries
        assert sum(server.hits.values()) <= N + CONFIG.retries * len(met)
        assert all(hits[name] == 1 for name in hits if name not in met)
        retried = [hits[name] - 1 for name, (fault, _) in met.items() if fault != "too many requests"]
        assert len(clock.slept) >= sum(retried)
        assert max(clock.slept) <= CONFIG.max_backoff

        server.scripts.clear(), server.always.clear(), server.hits.clear()
        native, rejected = fetch(server, targets, tmp_path / "partial", clock)
        assert (len(first_flux(native)), rejected) == (N, [])
        assert sum(server.hits.values()) == len(lost)


def test_a_server_that_dies_midway_ends_the_job_soon_and_costs_nothing_that_came(tmp_path):
    targets, clock, dies_after = plan(400), Clock(), 150
    write_tree(tmp_path / "sas", targets)
    with SasServer(tmp_path / "sas") as server:
        server.dies_after = dies_after
        with pytest.raises(FetchError, match=r"cannot be reached: 10 files in a row .* finished files are kept"):
            fetch(server, targets, tmp_path / "partial", clock)
        attempts = (CONFIG.give_up_after + CONFIG.threads) * (1 + CONFIG.retries)
        assert len(server.requests) <= dies_after + attempts
        assert len(clock.slept) <= attempts
    with SasServer(tmp_path / "sas") as server:
        native, rejected = fetch(server, targets, tmp_path / "partial", clock)
        assert rejected == []
        assert first_flux(native) == {target["specobjid"]: i for i, target in enumerate(targets)}
        waiting = 2 * CONFIG.threads  # files that had come, or were on their way, when the job stopped
        assert len(targets) - dies_after <= len(server.requests) <= len(targets) - dies_after + waiting
