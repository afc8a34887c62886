"""How far a run is, read from what lies on disk."""

import json
import os
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from typer.testing import CliRunner

from galspec_core.cli import app
from galspec_core.errors import NoRunError
from galspec_core.log import Progress, read_progress
from galspec_core.plan import process_start
from galspec_core.status import WORDLESS, look

TRAIN = "logs/encoder/pretrain_encoder/paper.log"
WEIGHTS = "results/encoder/paper/weights.safetensors"
GRIDDED = [f"results/spectra/rest/{i:04d}.parquet" for i in range(3)]
JOBS = [["grid_shard", f"logs/spectra/grid_shard/rest/{i:04d}.log", path] for i, path in enumerate(GRIDDED)] + [
    ["pretrain_encoder", TRAIN, WEIGHTS],
    ["score_tasks", "logs/search/score_tasks.log", "results/table4.csv"],
]
STEPS = "2026-11-29 04:57:46 INFO [encoder: train paper] 1,381/5,000 steps (28 %), 68.5 steps/s, 53 s left, loss 0.4"
ERROR = "2026-11-29 04:57:47 ERROR data/x.parquet: no column flux. Fetch it again"
run = CliRunner().invoke


class Made:
    """A run made by hand: its plan was written 100 s ago, by this process unless another is named."""

    def __init__(self, folder):
        self.folder = folder
        self.plan()

    def plan(self, jobs=JOBS, **facts):
        known = dict(version=1, host=socket.gethostname(), pid=os.getpid(), began=process_start(os.getpid()))
        known |= dict(
            folder=str(self.folder), command="snakemake --cores 2", log=None, executor="local", before={"catalogs": 8}
        )
        self.write("logs/plan.json", json.dumps(known | {"jobs": jobs} | facts), age=100)

    def write(self, name, text="", age=10.0):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        then = time.time() - age
        os.utime(path, (then, then))

    def begin(self, output, age=50.0, job="null"):
        self.write(
            f".snakemake/incomplete/{urlsafe_b64encode(output.encode()).decode()}", f'{{"external_jobid": {job}}}', age
        )

    def states(self):
        seen = look(self.folder)
        return seen.state, {job.name: job.state for job in seen.jobs}

    def kill(self, **facts):
        """Let the plan's process be one that has ended, and its lock be left."""
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        self.plan(pid=ended.pid, **facts)
        self.write(".snakemake/locks/0.input.lock")


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path / "run")


def test_a_line_of_progress_is_read_as_it_was_written():
    for total, done, note in ((5000, 1381, "loss 0.4, lr 1e-05"), (10, 10, ""), (3, 0, "")):
        progress = Progress("encoder: train paper", total, "steps")
        progress.done = done
        said = read_progress("2026-11-29 04:57:46 INFO " + progress.line(20.0, note))
        assert (said.stage, said.done, said.total, said.unit) == ("encoder: train paper", done, total, "steps")
        assert (said.rate, said.note or "") == (pytest.approx(done / 20, rel=1e-2), note)
        assert (said.left is None) == (done == total)
    assert read_progress("2026-11-29 04:57:46 INFO resumed at step 12") is None


def test_jobs_are_done_running_queued_failed_or_wait(made):
    made.write(GRIDDED[0])
    made.write(JOBS[1][1], ERROR)
    made.begin(WEIGHTS)
    made.write(TRAIN, STEPS)
    made.begin("results/table4.csv", age=20, job='"4711"')
    seen = look(made.folder)
    assert (seen.state, seen.exit_code) == ("running", 1)
    assert {stage: (c.done, c.running, c.queued, c.failed, c.waiting, c.total) for stage, c in seen.stages.items()} == {
        "catalogs": (8, 0, 0, 0, 0, 8),
        "spectra": (1, 0, 0, 1, 1, 3),
        "encoder": (0, 1, 0, 0, 0, 1),
        "search": (0, 0, 1, 0, 0, 1),
    }
    failed, training, queued = seen.jobs
    assert (failed.name, failed.said) == ("grid_shard rest 0001", "data/x.parquet: no column flux. Fetch it again")
    assert (training.progress.done, training.progress.left, training.progress.note) == (1381, "53 s", "loss 0.4")
    assert (queued.external, queued.state) == ("4711", "queued")


def test_what_was_there_before_the_plan_is_not_done(made):
    made.write(GRIDDED[0], age=200)
    made.write(JOBS[0][1], ERROR, age=200)
    assert made.states() == ("running", {})
    assert look(made.folder).stages["spectra"].waiting == 3


def test_one_of_several_in_a_cluster_job_is_done_once_its_record_is_there(made):
    made.begin(GRIDDED[0])
    made.begin(GRIDDED[1])
    made.write(GRIDDED[0])
    made.write(f"{GRIDDED[0]}.provenance.json")
    made.write(JOBS[1][1])
    assert made.states() == ("running", {"grid_shard rest 0001": "running"})


def test_a_killed_run_is_stopped_and_the_way_on_is_said(made):
    made.kill()
    made.begin(WEIGHTS)
    made.write(TRAIN, STEPS)
    made.write("results/encoder/paper/checkpoint/last.pt")
    seen = look(made.folder)
    assert (seen.state, seen.exit_code, seen.jobs[0].state) == ("stopped", 1, "stopped")
    begin = f"cd {made.folder} && snakemake --cores 2"
    assert seen.next == [f"{begin} --unlock", begin]
    assert "1,381/5,000 steps" in run(app, ["status", str(made.folder)]).stdout
    assert "goes on from its last checkpoint" in " ".join(run(app, ["status", str(made.folder)]).stdout.split())


def test_a_process_number_that_another_process_has_now_is_not_the_run(made):
    made.plan(began=process_start(os.getpid()) - 1000)
    assert made.states() == ("stopped", {})


def test_the_process_of_another_machine_is_judged_by_its_lock(made):
    made.plan(host="elsewhere")
    made.begin(WEIGHTS)
    made.write(TRAIN, STEPS)
    made.write(".snakemake/locks/0.input.lock")
    seen = look(made.folder)
    assert (seen.state, seen.jobs[0].state) == ("running", "running")
    assert "on elsewhere, which cannot be looked at from here; its lock is there" in seen.process
    (made.folder / ".snakemake/locks/0.input.lock").unlink()
    assert made.states()[0] == "stopped"


def test_jobs_on_the_cluster_outlive_a_killed_run(made):
    made.kill(executor="slurm")
    made.begin(WEIGHTS)
    assert "squeue" in look(made.folder).next[0]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (ERROR, "data/x.parquet: no column flux. Fetch it again"),
        (f"{ERROR}\n2026-11-29 04:57:48 ERROR second\n", "second"),
        ("2026-11-29 04:57:47 ERROR unexpected error\nTraceback …\nValueError: 3\n", "unexpected error: ValueError: 3"),
        (STEPS, f"{WORDLESS}; its last line was: {STEPS.split('INFO ')[1]}"),
        ("", WORDLESS),
    ],
    ids=["sentence", "the last one", "traceback", "killed", "killed at once"],
)
def test_a_failed_job_says_why(made, log, said):
    made.write(TRAIN, log)
    assert look(made.folder).jobs[0].said == said


def test_a_job_that_failed_before_its_log_is_known_from_snakemakes(made):
    made.write("own.log", f"Error in rule pretrain_encoder:\n    jobid: 3\n    output: {WEIGHTS}, b\n    log: c\n")
    made.plan(log=str(made.folder / "own.log"))
    assert made.states() == ("running", {"pretrain_encoder paper": "failed"})


def test_a_finished_run_leads_to_its_results(made):
    made.kill()
    for _, _, output in JOBS:
        made.write(output)
    seen = look(made.folder)
    assert (seen.state, seen.exit_code, seen.jobs) == ("done", 0, [])
    assert seen.next == [f"galspec show {made.folder}"]


@pytest.mark.parametrize("plan", [None, "{", '{"jobs": []}'], ids=["empty", "no JSON", "another version"])
def test_where_there_is_no_run_the_exit_code_is_2(tmp_path, plan):
    if plan:
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs/plan.json").write_text(plan)
    with pytest.raises(NoRunError):
        look(tmp_path)
    for words in ([], ["--json"], ["--watch"]):
        done = run(app, ["status", str(tmp_path), *words])
        assert (done.exit_code, done.stdout) == (2, "")
        assert str(tmp_path) in done.stderr


@pytest.mark.parametrize(("name", "said"), [("spec.fits", "no run here"), ("x" * 300, "cannot be read")])
def test_what_is_no_folder_of_a_run_ends_with_a_sentence(tmp_path, name, said):
    (tmp_path / "spec.fits").write_text("")
    done = run(app, ["status", str(tmp_path / name)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert name in done.stderr


def test_json_holds_every_job(made):
    for i, (_, log, _) in enumerate(JOBS[:3]):
        made.write(log, ERROR.replace("x", str(i)))
    done = run(app, ["status", str(made.folder), "--json"])
    found = json.loads(done.stdout)
    assert (done.exit_code, found["exit_code"], found["state"]) == (1, 1, "running")
    assert [job["said"][:6] for job in found["jobs"]] == ["data/0", "data/1", "data/2"]


def test_watching_ends_with_the_run_and_says_only_what_changed(made, monkeypatch):
    """The run ends at the third look."""
    looks = iter([None, None, made.kill])
    monkeypatch.setattr("time.sleep", lambda seconds: (next(looks) or Path)())
    made.begin(WEIGHTS)
    made.write(TRAIN, STEPS)
    done = run(app, ["status", str(made.folder), "--watch"])
    lines = done.stdout.splitlines()
    assert lines[0] == "running: 8 of 13 jobs done; running: encoder pretrain_encoder paper"
    assert "running: " not in lines[1]
    assert done.exit_code == 1


def test_nothing_heavy_is_imported():
    """Else the answer would take seconds."""
    code = "import sys, galspec_core.cli, galspec_core.status; print(*{'torch', 'pandas', 'pyarrow', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
