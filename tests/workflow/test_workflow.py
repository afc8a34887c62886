"""The workflow from nothing to table 4 on a tiny simulated survey, and what re-runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("Snakefile", "config.yaml", "config", "rules", "report", "workflow_scripts", "galspec_core", "profiles", "envs")
BEFORE_ENCODER = {
    "simulate_survey",
    "read_catalog",
    "select_galaxies",
    "match_labels",
    "draw_sample",
    "fetch_shard",
    "grid_shard",
}

pytestmark = pytest.mark.workflow


class Run:
    """A copy of the project that runs its tiny survey in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name)

    def snakemake(self, *options, overlays=("config/tiny.yaml",)):
        """Run Snakemake on the tiny survey and return the finished process; its output is text."""
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config.yaml", *overlays]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        command += ["--directory", "run", *options]
        return subprocess.run(command, cwd=self.folder, env=environment, text=True, capture_output=True, timeout=900)

    def dr16(self, *options):
        """Run Snakemake on DR16, the configuration without an overlay."""
        return self.snakemake(*options, overlays=())

    def plan(self, *options):
        """Return the rules that a dry run would run."""
        done = self.snakemake("--dry-run", *options)
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


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("galspec"))
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return run


def test_table4_has_every_task_and_method_beside_the_published_row(run):
    table = pd.read_csv(run / "results/table4.csv")
    assert set(zip(table["task"], table["method"], strict=True)) == {
        (task, method) for task in ("liner", "lens", "outlier") for method in ("paper", "pca", "pca_obs", "published")
    }
    measured = table[table["method"] != "published"]
    assert measured["n_test"].gt(0).all()
    assert measured[["precision", "recall", "f1"]].stack().between(0, 1).all()
    assert measured.loc[measured["method"] == "paper", "note"].str.contains("shrunk").all()


def test_every_spectrum_is_somewhere(run):
    """A row of the manifest is on the grid or in the table of rejected spectra, with its full identifier."""
    manifest = pd.read_parquet(run / "results/catalogs/manifest.parquet")
    rejected = pd.read_csv(run / "results/spectra/rejected.csv", dtype={"specobjid": "uint64"})
    gridded = pd.concat(
        pd.read_parquet(p, columns=["specobjid"]) for p in (run / "results/spectra/rest").glob("*.parquet")
    )
    assert set(manifest["specobjid"]) == set(gridded["specobjid"]) | set(rejected["specobjid"])
    assert (manifest["specobjid"] > 2**63).any()


def test_no_position_votes_on_itself(run):
    position = pd.read_parquet(run / "results/catalogs/manifest.parquet").set_index("specobjid")["position"]
    votes = pd.read_parquet(run / "results/search/classes/votes.parquet")
    for vote in votes.itertuples():
        assert position[vote.specobjid] not in set(position[list(vote.neighbour_ids)])


def test_the_figures_are_there(run):
    for name in ("neighbours.pdf", "neighbours.png", "loss_paper.pdf", "loss_paper.png"):
        assert (run / "results/figures" / name).stat().st_size > 5000


def test_a_second_run_has_nothing_to_do(run):
    assert run.plan() == set()
    assert "Nothing to be done" in run.snakemake().stderr


@pytest.mark.parametrize(
    ("module", "first", "not_before"),
    [
        ("galspec_core/spectra/grid.py", "grid_shard", BEFORE_ENCODER - {"grid_shard"}),
        ("galspec_core/encoder/pca.py", "pretrain_encoder", BEFORE_ENCODER),
        ("galspec_core/search/vote.py", "vote_task", BEFORE_ENCODER | {"pretrain_encoder", "embed_shard"}),
        (
            "galspec_core/figures/neighbours.py",
            "plot_neighbours",
            BEFORE_ENCODER | {"pretrain_encoder", "embed_shard", "vote_task"},
        ),
    ],
)
def test_an_edit_of_a_module_runs_its_stage_again_and_nothing_before(run, module, first, not_before):
    restore = run.edit(module)
    try:
        plan = run.plan()
    finally:
        restore()
    assert first in plan
    assert plan & not_before == set()
    assert run.plan() == set()


def test_a_new_top_k_runs_the_votes_again_and_nothing_before(run):
    overlay = run.folder / "config/tiny.yaml"
    before = overlay.read_text()
    overlay.write_text(before.replace("search: {", "search: {top_k: 5, "))
    try:
        plan = run.plan()
    finally:
        overlay.write_text(before)
    assert "vote_task" in plan
    assert plan & (BEFORE_ENCODER | {"pretrain_encoder", "embed_shard"}) == set()


def test_drawing_the_same_sample_again_fetches_nothing(run):
    done = run.snakemake("--forcerun", "draw_sample", "--until", "draw_sample", "collect_rejected")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "fetch_shard" not in run.plan()


def test_a_misspelt_key_stops_the_run_by_name(run):
    restore = run.edit("config/tiny.yaml", "\nserach: {top_k: 4}\n")
    try:
        done = run.snakemake("--dry-run")
    finally:
        restore()
    assert done.returncode != 0
    assert "serach: no such key; did you mean search?" in done.stdout + done.stderr


def test_dr16_plans_every_shard_from_the_configuration_alone(tmp_path):
    """With the catalogues in place nothing but the configuration says how many jobs there are."""
    run = Run(tmp_path)
    for name in ("specobj", "galspecextra", "portsmouth_boss", "portsmouth_legacy", "silo", "outliers"):
        path = run / "data/catalogs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    done = run.dr16("results/table4.csv", "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(line.split() for line in (done.stdout + done.stderr).splitlines() if len(line.split()) == 2)
    assert (counts["fetch_shard"], counts["grid_shard"], counts["embed_shard"]) == ("320", "640", "960")
    assert "fetch_catalog" not in counts


def test_real_spectra_go_through_to_the_liner_row(sdss_sample, tmp_path):
    """The SDSS sample with its two line catalogues, PCA alone: every row of its catalogue is accounted for."""
    run = Run(tmp_path)
    overlay = "search: {methods: [pca], bootstrap: 50}\nfigures: {neighbours: {method: pca, n: 3}}\n"
    (tmp_path / "few.yaml").write_text(overlay)
    done = run.snakemake("--config", f"sas={sdss_sample}", overlays=("config/real.yaml", "few.yaml"))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    table = pd.read_csv(run / "results/table4.csv")
    assert table[["task", "method"]].to_numpy().tolist() == [["liner", "pca"], ["liner", "published"]]
    assert table["n_target"].iloc[0] > 0
    dropped = pd.read_csv(run / "results/catalogs/dropped.csv")
    cut = dropped.loc[dropped["catalogue"] == "specobj", "n"].sum()
    assert cut + len(pd.read_parquet(run / "results/catalogs/manifest.parquet")) == 641
