"""What the tests share."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

from tests.jobs import make_run

os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # a thread that spins takes the core of whoever works beside it
settings.register_profile("galspec", derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile("galspec")  # the same examples in every run, none judged by its time
ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def lacking(what):
    """Skip a test for want of something that a user's machine may lack; fail it where nothing may (GALSPEC_NO_SKIPS)."""
    (pytest.fail if os.environ.get("GALSPEC_NO_SKIPS") else pytest.skip)(what)


@pytest.fixture(scope="session")
def sdss_sample():
    """Give the SAS tree of real SDSS spectra that lies beside the checkout, or skip."""
    folder = SHARED / "real/sas"
    if not folder.is_dir():
        lacking("the SDSS sample is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Make a run of ninety simple galaxies, finished up to its votes, and return (folder, table of its spectra)."""
    from tests.finished_run import make_finished_run

    folder = tmp_path_factory.mktemp("finished")
    return folder, make_finished_run(folder)


@pytest.fixture
def small_run(tmp_path, monkeypatch):
    """Make a run of seven jobs in a folder of its own, go there and return it."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.chdir(folder)
    make_run(tmp_path / "sample.fits")
    return folder


@pytest.fixture
def small_disk(tmp_path):
    """Give a file system with room for 64 kB, or skip where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        lacking(f"a small file system cannot be mounted: {done.stderr.strip() if done else 'needs root'}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
