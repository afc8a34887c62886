"""A copy of the project that runs a tiny simulated survey to its last table."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from galspec_core.record import SUFFIX
from tests.conftest import ROOT

COPIED = (
    "Snakefile",
    "config.yaml",
    "config",
    "rules",
    "report",
    "workflow_scripts",
    "galspec_core",
    "profiles",
    "envs",
)
EVERYTHING = "results/paper.done"
ON_REQUEST = ("results/candidates/outlier.html", "results/figures/map_galspec.html")  # what else the finished run has


class Run:
    """A copy of the project that runs its tiny survey in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)

    def start(self, *options, overlays=("config/tiny.yaml",), environment=None, before=(), **how):
        """Start Snakemake on the tiny survey and return the running process, whose output is one text.

        ``before`` are words in front of the command.
        """
        command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", *overlays]
        variables = {**os.environ, "PYTHONPATH": str(self.folder), **(environment or {})}
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **how}
        return subprocess.Popen(
            [*before, *command, "--directory", "run", *options], cwd=self.folder, env=variables, **how
        )

    def snakemake(self, *options, **how):
        """Run Snakemake on the tiny survey and return the finished process; its output is text."""
        process = self.start("--cores", "2", *options, stderr=subprocess.PIPE, **how)
        try:
            output, errors = process.communicate(timeout=1800)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def dr16(self, *options):
        """Run Snakemake on DR16, the configuration without an overlay."""
        return self.snakemake(*options, overlays=())

    def plan(self, *options):
        """Return the rules that a dry run of everything would run."""
        done = self.snakemake("--dry-run", EVERYTHING, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return {
            line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith(("rule ", "localrule "))
        }

    def edit(self, path, text="\n# edited\n"):
        """Append to a file of the copy; return a function that takes it back."""
        file = self.folder / path
        before = file.read_text()
        file.write_text(before + text)
        return lambda: file.write_text(before)

    def __truediv__(self, path):
        return self.folder / "run" / path


def results(run):
    """Return the paths of all results of a run, below its folder."""
    files = (path for path in (run / "results").rglob("*") if path.is_file() and not path.name.endswith(SUFFIX))
    return sorted(str(path.relative_to(run / "")) for path in files)


def without_speed(path):
    """Return the bytes of a file; of a training's history those of its columns that hold no speed."""
    if path.name.startswith(("history", "loss_")) and path.suffix == ".csv":
        return pd.read_csv(path).drop(columns="spectra_per_s").to_csv().encode()
    return path.read_bytes()


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("galspec"))
    done = run.snakemake(EVERYTHING, *ON_REQUEST)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return run
