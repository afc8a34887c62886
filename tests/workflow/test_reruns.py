"""What an edit runs again, and what it leaves as it is."""

import re

import pandas as pd
import pytest

from galspec_core.plan import PLAN
from tests.workflow.conftest import EVERYTHING

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


def test_a_second_run_has_nothing_to_do(run):
    planned = (run / PLAN).stat().st_mtime_ns
    assert run.plan() == set()
    assert (run / PLAN).stat().st_mtime_ns == planned  # a dry run writes none
    assert "Nothing to be done" in run.snakemake(EVERYTHING).stderr


def test_a_dry_run_ends_with_what_the_jobs_would_cost(run):
    done = run.snakemake("--dry-run", "--forceall", "results/table4.csv")
    last = done.stderr.strip().splitlines()[-1]
    assert re.fullmatch(
        r"Cost of these jobs, .*: \d+ jobs, .* CPU hours, .* GPU hours, .* GB of disk, 0 requests\.", last
    )
    assert "Cost of these jobs" not in run.snakemake("results/table4.csv").stderr


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
        (
            "galspec_core/baselines/template.py",
            {"vote_system", "score_systems", "score_differences", "score_ranking", "paper"},
        ),
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
    restore = run.edit(
        "config/tiny.yaml", "\nspectra: {n_shards: 2, query_shards: 1, grids: {rest: {interpolation: nearest}}}\n"
    )
    overlay = run.folder / "config/tiny.yaml"
    overlay.write_text(overlay.read_text().replace("spectra: {n_shards: 2, query_shards: 1}\n", "", 1))
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
