"""A run that is killed at any moment goes on to the same tables, and two runs never share a folder."""

import os
import random
import signal
import time
from contextlib import suppress

import psutil
import pyarrow.parquet as pq
import pytest

from galspec_core.drift import find_drift
from galspec_core.record import SUFFIX
from tests.workflow.conftest import Run

pytestmark = pytest.mark.workflow

STAGES = ["fetch_shard", "grid_shard", "pretrain_encoder", "embed_shard", "build_knowledge_base", "vote_task"]
TARGET = "results/table4.csv"
TABLES = ["results/table4.csv", "results/search/*/votes.parquet", "results/encoder/*/embedding/*.parquet"]
TABLES += ["results/catalogs/*.parquet", "results/spectra/**/*.parquet", "results/spectra/**/*.csv", "data/spectra/*.*"]
SEED = int(os.environ.get("GALSPEC_SEED", random.SystemRandom().randrange(10_000)))
MOST_SECONDS = 300  # until a stage begins
LONGEST = 1.5  # seconds into a job: most last about as long


def contents(run):
    """Return {path: bytes} of the tables that a run has, without the records of when they were made."""
    root = run / ""
    found = {path for pattern in TABLES for path in root.glob(pattern) if not path.name.endswith(SUFFIX)}
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def job_of(process, rule):
    """Return the process of a running job of a rule, None while there is none or all is over."""
    try:
        for child in psutil.Process(process.pid).children(recursive=True):
            if any(f".{rule}.py" in word for word in child.cmdline()):
                return child
    except psutil.Error:
        return None
    return None


def runs(job):
    """Return whether a process is still at work."""
    try:
        return job.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_job(process, rule):
    """Return the process of a job of a rule as soon as there is one; fail where the run ends before."""
    end = time.monotonic() + MOST_SECONDS
    while (job := job_of(process, rule)) is None:
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"{rule} did not begin: {process.communicate()[0][-3000:]}")
        time.sleep(0.02)
    return job


def end_of(process):
    """Return the output of a run that ends."""
    return process.communicate(timeout=MOST_SECONDS)[0]


def test_a_run_killed_at_every_stage_ends_with_the_tables_of_one_that_was_not(run, tmp_path):
    """Whether one job is killed, as for memory, or everything at once, as when the machine goes down."""
    print(f"GALSPEC_SEED={SEED}")
    moments, victim = random.Random(SEED), Run(tmp_path)
    for stage in STAGES:
        process = victim.start("--cores", "2", "--retries", "0", TARGET, start_new_session=True)
        job = wait_for_job(process, stage)
        moment, everything = time.monotonic() + LONGEST * moments.random(), moments.random() < 0.5
        while time.monotonic() < moment and runs(job):
            time.sleep(0.01)
        everything |= not runs(job)  # it was over before the moment drawn
        if everything:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            with suppress(psutil.NoSuchProcess):
                job.kill()
        said = end_of(process)
        for path in (victim / "").glob("[dr]*/**/*.parquet"):
            pq.read_table(path)  # what bears its final name is whole
        if everything:
            refused = victim.snakemake(TARGET)
            assert refused.returncode != 0, said
            assert "--unlock" in refused.stdout + refused.stderr
            assert victim.snakemake("--unlock").returncode == 0
    done = victim.snakemake(TARGET)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    expected, found = contents(run), contents(victim)
    assert len(found) > 20
    assert {path for path in found if found[path] != expected.get(path)} == set()  # the other run made more
    assert find_drift(victim / "").findings == []  # nothing is left over, unrecorded or other than recorded


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(tmp_path):
    both = Run(tmp_path)
    first = both.start("--cores", "1", "results/table1.csv")
    wait_for_job(first, "simulate_survey")
    second = both.snakemake("results/table1.csv")
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout + second.stderr
    said = end_of(first)
    assert first.returncode == 0, said[-3000:]
    assert (both / "results/table1.csv").stat().st_size > 0
