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
from galspec_core.status import WORDLESS, look
from tests.workflow.conftest import Run, results, without_speed

pytestmark = pytest.mark.workflow

STAGES = ["fetch_shard", "grid_shard", "pretrain_encoder", "embed_shard", "build_knowledge_base", "vote_task"]
TARGETS = ["results/table1.csv", "results/table4.csv", "results/classes.csv"]
SEED = int(os.environ.get("GALSPEC_SEED", random.SystemRandom().randrange(10_000)))
MOST_SECONDS = 300  # until a stage begins
LONGEST = 1.5  # seconds into a job: most last about as long


def contents(run):
    """Return {path: bytes} of all that a run has made and of what it fetched, but for how long things took."""
    fetched = [
        str(path.relative_to(run / ""))
        for kind in ("parquet", "csv")
        for path in (run / "data/spectra").glob(f"*.{kind}")
    ]
    return {name: without_speed(run / name) for name in [*results(run), *fetched]}


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


def test_a_run_killed_at_every_stage_ends_with_the_bytes_of_one_that_was_not(run, tmp_path):
    """Whether one job is killed, as for memory, or everything at once, as when the machine goes down.

    It has one core where the other had two, so that their number shows in no table, vote, embedding or weight either; and
    at any moment the status says how things are.
    """
    print(f"GALSPEC_SEED={SEED}")
    moments, victim = random.Random(SEED), Run(tmp_path)
    for stage in STAGES:
        process = victim.start("--cores", "1", "--retries", "0", *TARGETS, start_new_session=True)
        job = wait_for_job(process, stage)
        seen = look(victim / "")
        assert seen.state == "running"
        assert stage in {at_work.name.split()[0] for at_work in seen.of("running")}
        moment, everything = time.monotonic() + LONGEST * moments.random(), moments.random() < 0.5
        while time.monotonic() < moment and runs(job):
            time.sleep(0.01)
        everything |= not runs(job)  # it was over before the moment drawn
        if everything:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            with suppress(psutil.NoSuchProcess):
                job.kill()
        said, seen = end_of(process), look(victim / "")
        if everything:
            assert (seen.state, seen.next[0].endswith("--unlock")) == ("stopped", True)
        else:
            assert (seen.state, [failed.said[: len(WORDLESS)] for failed in seen.of("failed")]) == (
                "failed",
                [WORDLESS],
            )
        for path in (victim / "").glob("[dr]*/**/*.parquet"):
            pq.read_table(path)  # what bears its final name is whole
        if everything:
            refused = victim.snakemake(*TARGETS)
            assert refused.returncode != 0, said
            assert "--unlock" in refused.stdout + refused.stderr
            assert victim.snakemake("--unlock").returncode == 0
    done = victim.snakemake(*TARGETS, "--cores", "1")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (look(victim / "").state, look(victim / "").exit_code) == ("done", 0)
    expected, found = contents(run), contents(victim)
    assert set(found) >= set(TARGETS)
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
