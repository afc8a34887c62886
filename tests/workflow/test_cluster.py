"""A run on a real SLURM of one node: what is finished stays, and a training that was cancelled goes on."""

import os
import re
import shutil
import subprocess
import time

import pytest

from galspec_core.status import look
from tests.conftest import SHARED, lacking
from tests.workflow.conftest import Run

pytestmark = pytest.mark.workflow

TOOLS = SHARED / "tools/slurm"
SITE = """
default-resources:
  - slurm_partition=cpu
set-resources: # this site grants an hour to a job
  - pretrain_encoder:slurm_partition=gpu
  - fetch_shard:runtime=30
  - vote_task:runtime=30
  - vote_system:runtime=30
"""
LONG = "encoders: {paper: {training: {steps: 4000, checkpoint_every: 25}}}"  # lasts long enough to be cancelled midway
TARGET = "results/encoder/paper/embedding/shards.csv"
OVERLAYS = ("config/tiny.yaml", "long.yaml")
MOST_SECONDS = 900  # of one run; a cluster without accounting can be waited for in vain


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Start a SLURM of one node and give the environment of its clients, or skip and say what is missing."""
    commands = [name for name in ("sbatch", "slurmctld", "munged") if not shutil.which(name)]
    if commands or not TOOLS.is_dir() or os.geteuid() != 0:
        lacking(f"needs root, a SLURM and its starter beside this checkout; lacking here: {commands or TOOLS}")
    root = tmp_path_factory.mktemp("slurm")
    promised = {"SLURM_TEST_MEM_MB": "128000", "SLURM_TEST_CPUS": "8"}  # SLURM need not know how small the machine is
    subprocess.run(["bash", TOOLS / "slurm-up.sh", root], env=os.environ | promised, check=True, timeout=60)
    yield {"PATH": f"{root}/bin:{os.environ['PATH']}"}
    subprocess.run(["bash", TOOLS / "slurm-down.sh", root], check=False, timeout=60)


@pytest.fixture
def project(tmp_path):
    """Give a copy of the project whose paper encoder trains for a while, on a site with two partitions."""
    (tmp_path / "long.yaml").write_text(LONG)
    project = Run(tmp_path)
    (tmp_path / "profiles/site/config.yaml").write_text(SITE)
    return project


def submit(project, cluster, *options):
    """Start the workflow on the cluster and return the running process."""
    words = ["--profile", "profiles/site", "--workflow-profile", "profiles/slurm", "--latency-wait", "10"]
    return project.start(*words, *options, TARGET, overlays=OVERLAYS, environment=cluster)


def queue(cluster, state):
    """Return {job number: comment} of the jobs in a state; the comment names rule and wildcards."""
    words = ["squeue", "--noheader", "--states", state, "--format", "%i|%k"]
    listed = subprocess.run(words, env=os.environ | cluster, check=True, capture_output=True, text=True, timeout=60)
    return dict(line.split("|", 1) for line in listed.stdout.splitlines())


def wait_until(true, process, what):
    """Wait until ``true()`` holds while a process runs; fail with its output otherwise."""
    end = time.monotonic() + MOST_SECONDS
    while not true():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"no {what}: {process.communicate()[0][-4000:]}")
        time.sleep(0.2)


def finished(process):
    """Return exit code and output of a run, killed if it takes too long."""
    try:
        output = process.communicate(timeout=MOST_SECONDS)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"the run does not end: {process.communicate()[0][-4000:]}")
    return process.returncode, output


def test_a_cancelled_training_goes_on_and_what_was_finished_is_not_made_again(project, cluster):
    """Catalogues are made beforehand, without the cluster: each step there takes long."""
    begun = project.snakemake("results/catalogs/manifest.parquet", overlays=OVERLAYS)
    assert begun.returncode == 0, begun.stderr[-4000:]
    checkpoint = project / "results/encoder/paper/checkpoint/last.pt"
    first = submit(project, cluster, "--retries", "0")
    wait_until(checkpoint.exists, first, "checkpoint")
    training = [
        job for job, said in queue(cluster, "RUNNING").items() if "pretrain_encoder" in said and "paper" in said
    ]
    assert len(training) == 1
    seen = look(project / "")
    assert (seen.state, seen.exit_code) == ("running", 0)
    assert "pretrain_encoder paper" in {job.name for job in seen.of("running")}
    subprocess.run(["scancel", training[0]], env=os.environ | cluster, check=True, timeout=60)
    code, output = finished(first)
    assert code != 0, output[-4000:]
    seen = look(project / "")
    assert (seen.state, [job.name for job in seen.of("failed")]) == ("failed", ["pretrain_encoder paper"])
    assert checkpoint.exists()
    made = {path: path.stat().st_mtime_ns for path in (project / "data/spectra").glob("*.parquet")}
    made |= {path: path.stat().st_mtime_ns for path in (project / "results/spectra").rglob("*.parquet")}
    assert len(made) >= 2

    code, output = finished(submit(project, cluster))
    assert code == 0, output[-4000:]
    assert look(project / "").state == "done"
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert "rule grid_shard" not in output
    log = (project / "logs/encoder/pretrain_encoder/paper.log").read_text()
    assert int(re.search(r"resumed at step (\d+)", log)[1]) > 0, log
    assert (project / TARGET).stat().st_size > 0
