"""The workflow from nothing to every table and figure on a tiny simulated survey, and what re-runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from galspec_core.config import load_config

ROOT = Path(__file__).parents[2]
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
BEFORE_ENCODER = {
    "simulate_survey",
    "read_catalog",
    "select_galaxies",
    "match_labels",
    "draw_sample",
    "fetch_shard",
    "grid_shard",
}

EVERYTHING = "results/paper.done"
SYSTEMS = load_config([ROOT / "config.yaml", ROOT / "config/tiny.yaml"])["baselines"]

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


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("galspec"))
    done = run.snakemake(EVERYTHING)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return run


def test_table4_has_every_task_and_method_beside_the_published_row(run):
    table = pd.read_csv(run / "results/table4.csv")
    assert set(zip(table["task"], table["method"], strict=True)) == {
        (task, method)
        for task in ("liner", "lens", "outlier")
        for method in ("paper", "pca", "pca_obs", "nuisance", "published")
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


def test_table2_scores_every_method_on_every_class(run):
    table = pd.read_csv(run / "results/table2.csv")
    assert set(table["method"]) == {"paper", "pca", "pca_obs", *SYSTEMS["in_table2"]}
    assert set(table["class"]) == {"SF", "AGN", "Normal", "macro"}
    assert table[["accuracy", "precision", "recall", "f1"]].stack().between(0, 1).all()
    notes = table[table["class"] == "macro"].set_index("method")["note"]
    assert "circular" in notes["rf_lines"]
    assert "no flux" in notes["nuisance"]


def test_every_system_has_a_row_for_every_target(run):
    table = pd.read_csv(run / "results/systems.csv")
    methods = {"paper", "pca", "pca_obs", "published", *SYSTEMS["in_systems"]}
    assert set(zip(table["task"], table["method"], strict=True)) == {
        (task, method) for task in ("liner", "lens", "outlier") for method in methods
    }
    assert list(table.columns) == list(pd.read_csv(run / "results/table4.csv").columns)


def test_the_figures_are_there_as_vectors_pixels_and_numbers(run):
    figures = {path.stem for path in (run / "results/figures").glob("*.csv")}
    assert figures >= {"fig1", "fig2", "fig3", "fig4", "fig5", "fig_a1", "fig_b1", "fig_c1", "fig_stress", "neighbours"}
    for name in figures:
        assert (run / f"results/figures/{name}.pdf").stat().st_size > 5000
        assert (run / f"results/figures/{name}.png").stat().st_size > 5000
        assert len(pd.read_csv(run / f"results/figures/{name}.csv")) > 0


def test_the_tables_of_the_appendix_are_there(run):
    a1, b1, b2 = (pd.read_csv(run / f"results/table_{name}.csv") for name in ("a1", "b1", "b2"))
    assert {"exp", "inverse", "inverse_square", "linear"} <= set(a1["weight"])
    votes = pd.read_parquet(run / "results/search/outlier/votes.parquet")
    missed = votes[(votes["method"] == "paper") & (votes["label"] == "Outlier") & (votes["predicted"] != "Outlier")]
    assert sorted(zip(b1["specobjid"], b1["seed"], strict=True)) == sorted(
        zip(missed["specobjid"], missed["seed"], strict=True)
    )
    assert b2["rank"].tolist() == [0, 1, 2, 3]
    assert b2["weight"].sum() == pytest.approx(1)


def test_the_report_is_one_page_with_every_caption(run):
    done = run.snakemake(EVERYTHING, "--report", "report.html")
    assert done.returncode == 0, done.stderr[-3000:]
    page = (run / "report.html").read_text()
    for words in ("Table 2.", "Table B2.", "Figure C1.", "Figure 4."):
        assert words in page


def test_a_second_run_has_nothing_to_do(run):
    assert run.plan() == set()
    assert "Nothing to be done" in run.snakemake(EVERYTHING).stderr


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


@pytest.mark.parametrize(
    ("file", "plan"),
    [
        ("workflow_scripts/plot_search_time.py", {"plot_search_time", "paper"}),
        ("galspec_core/figures/distances.py", {"plot_distances", "paper"}),
        ("galspec_core/figures/architecture.py", {"plot_architecture", "paper"}),
        ("galspec_core/baselines/template.py", {"vote_system", "score_systems", "paper"}),
        ("galspec_core/search/subtypes.py", {"score_subtypes", "paper"}),
    ],
)
def test_an_edit_runs_one_figure_or_system_again_and_nothing_else(run, file, plan):
    restore = run.edit(file)
    try:
        assert run.plan() == plan
    finally:
        restore()


def test_another_grid_runs_everything_from_the_grid_on_and_fetches_nothing(run):
    restore = run.edit("config/tiny.yaml", "\nspectra: {n_shards: 2, grids: {rest: {interpolation: nearest}}}\n")
    overlay = run.folder / "config/tiny.yaml"
    overlay.write_text(overlay.read_text().replace("spectra: {n_shards: 2}\n", "", 1))
    try:
        plan = run.plan()
    finally:
        restore()
    assert {"grid_shard", "pretrain_encoder", "embed_shard", "vote_task", "vote_system", "plot_case"} <= plan
    assert plan & (BEFORE_ENCODER - {"grid_shard"}) == set()


def test_a_new_top_k_runs_the_votes_again_and_nothing_before(run):
    overlay = run.folder / "config/tiny.yaml"
    before = overlay.read_text()
    overlay.write_text(before.replace("search:\n", "search:\n  top_k: 5\n"))
    try:
        plan = run.plan()
    finally:
        overlay.write_text(before)
    assert {"vote_task", "score_tasks", "score_three_classes", "score_systems", "plot_neighbours", "plot_case"} <= plan
    assert plan & (BEFORE_ENCODER | {"pretrain_encoder", "embed_shard"}) == set()


def test_tuning_records_each_trial_once_and_goes_on_where_it_was(run):
    """One classifier, one network without labels, one with: every kind of trial."""
    (run.folder / "trials.yaml").write_text(
        "svm: [{}, {c: 1.0}]\nvae: [{}]\ngalspecnet: [{}]\npca: [{components: 3}]\n"
    )
    lengths = []
    for _ in range(2):
        command = (
            "-m galspec_core.baselines.tune config.yaml config/tiny.yaml --run run --trials trials.yaml --out tune.csv"
        )
        subprocess.run([sys.executable, *command.split()], cwd=run.folder, check=True, capture_output=True, timeout=300)
        table = pd.read_csv(run.folder / "tune.csv")
        lengths.append(len(table))
    assert lengths[0] == lengths[1]
    assert table.groupby("system")["task"].unique().map(set).to_dict() == {
        "svm": {"bpt3"},
        "galspecnet": {"bpt3"},
        "vae": {"liner", "lens", "outlier"},
        "pca": {"bpt3", "liner", "lens", "outlier"},
    }
    assert table["value"].dropna().between(0, 1).all()  # no value where a tiny part has no target


def test_drawing_the_sample_again_fetches_nothing(run):
    assert "fetch_shard" not in run.plan("--forcerun", "draw_sample")
    done = run.snakemake("--forcerun", "draw_sample", "--until", "draw_sample", "collect_rejected")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "fetch_shard" not in run.plan()


def test_another_sample_in_the_same_folder_is_refused_with_a_way_out(run):
    """What was fetched stays as it is; the user is told, and nothing is labelled by half a sample."""
    moved = pd.read_csv(run / "results/catalogs/shards/0000.csv")["specobjid"].iloc[0]
    native = run / "data/spectra/0000.parquet"
    kept = native.read_bytes()
    table = pd.read_parquet(native)
    native.chmod(0o644)
    table[table["specobjid"] != moved].to_parquet(native)
    try:
        done = run.snakemake("results/spectra/rejected.csv", "--forcerun", "collect_rejected")
    finally:
        native.write_bytes(kept)
        native.chmod(0o444)
    assert done.returncode != 0
    assert "data/spectra holds another sample" in done.stdout + done.stderr
    assert run.snakemake(EVERYTHING).returncode == 0


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
    assert table[["task", "method"]].to_numpy().tolist() == [
        ["liner", "pca"],
        ["liner", "nuisance"],
        ["liner", "published"],
    ]
    assert table["n_target"].iloc[0] > 0
    dropped = pd.read_csv(run / "results/catalogs/dropped.csv")
    cut = dropped.loc[dropped["catalogue"] == "specobj", "n"].sum()
    assert cut + len(pd.read_parquet(run / "results/catalogs/manifest.parquet")) == 641
