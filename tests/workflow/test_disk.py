"""A disk that is full, read-only or closed to the user stops a run with a sentence, and nothing is damaged."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest

from tests.conftest import lacking
from tests.workflow.conftest import Run

pytestmark = pytest.mark.workflow

FIRST, CLOSED = "results/catalogs/manifest.parquet", "results/table1.csv"  # what is there, and what cannot be made
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


def mount(*options):
    """Mount as options say; return whether that worked."""
    return subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """Give a project whose run has drawn its sample on a disk of its own of 150 MB, or skip."""
    project = Run(tmp_path_factory.mktemp("disk"))
    (project / "").mkdir()
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=150m", "tmpfs", project / ""):
        lacking("a small file system can be mounted by root only")
    done = project.snakemake(FIRST)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    yield project
    subprocess.run(["umount", "--lazy", project / ""], check=True)


def contents(project):
    """Return {path: bytes} of what a run has made."""
    made = [path for top in ("data", "results") for path in (project / top).rglob("*") if path.is_file()]
    return {path: path.read_bytes() for path in made if "partial" not in path.parts}


@contextmanager
def filled(project, leave):
    """Fill the disk up to ``leave`` bytes for a while."""
    ballast = project / "ballast"
    ballast.write_bytes(b"\0" * (shutil.disk_usage(project / "").free - leave))
    try:
        yield
    finally:
        ballast.unlink()


def fails(project, target, words, **how):
    """Run on and look for words in what it says, for no traceback, and for what it may have damaged."""
    before = contents(project)
    done = project.snakemake(target, **how)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert words in said, said[-3000:]
    assert "Traceback" not in said
    after = contents(project)
    assert {path for path in before if after.get(path) != before[path]} == set()
    assert [path for path in after.keys() - before.keys() if path.suffix != ".parquet" or not whole(path)] == []


def whole(path):
    """Return whether a Parquet file can be read to its end."""
    return pq.read_table(path).num_rows > 0


def test_a_full_disk_is_said_whenever_it_fills_and_room_is_all_it_takes(disk, run):
    target = "results/spectra/wide/0001.parquet"
    with filled(disk, leave=200_000):  # room for Snakemake's own log, so that its logger does not complain, too
        fails(disk, target, "no space is left on the disk")
    with filled(disk, leave=1_300_000):
        fails(disk, target, "not enough free space")
    assert disk.snakemake("data/spectra/0001.parquet").returncode == 0
    with filled(disk, leave=600_000):
        fails(disk, target, "no space is left on the disk")
    assert disk.snakemake(target).returncode == 0
    assert (disk / target).read_bytes() == (run / target).read_bytes()


def test_a_read_only_disk_is_said(disk):
    assert mount("-o", "remount,ro", disk / "")
    try:
        fails(disk, CLOSED, "the folder can only be read")
    finally:
        assert mount("-o", "remount,rw", disk / "")


@pytest.mark.parametrize("folder", ["", "results"])
def test_a_folder_closed_to_the_user_is_said(disk, folder):
    if not shutil.which("setpriv"):
        lacking("needs setpriv, to do without root's permissions")
    (disk / folder).chmod(0o555)
    try:
        fails(disk, CLOSED, "ermission", before=UNPRIVILEGED)
    finally:
        (disk / folder).chmod(0o755)
