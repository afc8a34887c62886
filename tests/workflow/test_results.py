"""The tables, figures and report that a tiny survey gives."""

import subprocess
import sys

import pandas as pd
import pytest

from galspec_core.config import load_config
from tests.conftest import ROOT
from tests.workflow.conftest import EVERYTHING

CONFIG = load_config([ROOT / "config.yaml", ROOT / "config/tiny.yaml"])
METHODS, SYSTEMS = CONFIG["search"]["methods"], CONFIG["baselines"]

pytestmark = pytest.mark.workflow


def test_table4_has_every_task_and_method_beside_the_published_row(run):
    table = pd.read_csv(run / "results/table4.csv")
    assert set(zip(table["task"], table["method"], strict=True)) == {
        (task, method) for task in ("liner", "lens", "outlier") for method in (*METHODS, "nuisance", "published")
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
    assert set(table["method"]) == {*METHODS, *SYSTEMS["in_table2"]}
    assert set(table["class"]) == {"SF", "AGN", "Normal", "macro"}
    assert table[["accuracy", "precision", "recall", "f1"]].stack().between(0, 1).all()
    notes = table[table["class"] == "macro"].set_index("method")["note"]
    assert "circular" in notes["rf_lines"]
    assert "no flux" in notes["nuisance"]


def test_every_system_has_a_row_for_every_target(run):
    table = pd.read_csv(run / "results/systems.csv")
    methods = {*METHODS, "published", *SYSTEMS["in_systems"]}
    assert set(zip(table["task"], table["method"], strict=True)) == {
        (task, method) for task in ("liner", "lens", "outlier") for method in methods
    }
    assert list(table.columns) == list(pd.read_csv(run / "results/table4.csv").columns)


def test_the_figures_are_there_as_vectors_pixels_and_numbers(run):
    figures = {path.stem for path in (run / "results/figures").glob("*.csv") if not path.stem.startswith("map_")}
    assert (run / "results/figures/map_galspec.html").stat().st_size > 50_000
    assert figures >= {"fig1", "fig2", "fig3", "fig4", "fig5", "fig_a1", "fig_b1", "fig_c1", "fig_stress", "neighbours"}
    for name in figures:
        assert (run / f"results/figures/{name}.pdf").stat().st_size > 5000
        assert (run / f"results/figures/{name}.png").stat().st_size > 5000
        assert len(pd.read_csv(run / f"results/figures/{name}.csv")) > 0


def test_every_method_and_finder_is_ranked_against_both_kinds_of_negatives(run):
    table = pd.read_csv(run / "results/ranking.csv")
    methods = {*METHODS, *SYSTEMS["in_systems"]}
    for task in ("liner", "lens", "outlier"):
        finders = {"classical", "oracle"} if task == "lens" else set()
        own = table[table["task"] == task]
        assert set(own["method"]) == methods | finders
        assert own.groupby("method").size().eq(3).all()
    assert {"fig_completeness", "fig_evidence"} <= {path.stem for path in (run / "results/figures").glob("*.pdf")}
    assert table.loc[table["mix"] == "paper", "roc_auc"].between(0, 1).all()


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


def test_the_redshift_check_leaves_no_more_confident_errors_than_there_were(run):
    checked = pd.read_parquet(run / "results/search/redshift_check.parquet")
    roles = pd.read_parquet(run / "results/catalogs/roles.parquet")
    assert set(checked["specobjid"]) == set(roles.loc[roles["role"] == "test", "specobjid"])
    table = pd.read_csv(run / "results/wrong_redshifts.csv")
    assert {"none", "+0.01", "z = 0", "catalogue"} <= set(table["error"])
    voted = table[(table["side"] == "test") & (table["error"] != "catalogue") & (table["n"] > 0)].dropna(subset="wrong")
    assert len(voted)
    assert (voted["wrong"] <= voted["wrong_near"]).all()
    assert (voted["wrong_near"] <= voted["wrong_unchecked"]).all()
    right = table[(table["error"] == "none") & (table["group"] == "all") & (table["noise"] == 1)]
    assert (right["dont_know"] < 0.5).all()


def test_the_report_is_one_page_with_every_caption(run):
    done = run.snakemake(EVERYTHING, "--report", "report.html")
    assert done.returncode == 0, done.stderr[-3000:]
    page = (run / "report.html").read_text()
    for words in ("Table 2.", "Table B2.", "Figure C1.", "Figure 4."):
        assert words in page


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


def test_consistency_has_both_tests_of_every_method(run):
    table = pd.read_csv(run / "results/consistency.csv")
    assert set(zip(table["method"], table["test"], strict=True)) == {
        (method, test) for method in METHODS for test in ("repeats", "snr 30 to 8")
    }
    scored = table[table["n"] > 0]
    assert (scored["recall_at_1_lo"] <= scored["recall_at_1"]).all()
    assert (scored["recall_at_1"] <= scored["recall_at_1_hi"]).all()


def test_spectra_that_are_only_asked_about_give_limits_and_negatives(run):
    """Thirty query spectra are far too few for a number: precision at the base rate is a limit."""
    done = run.snakemake("results/base_rate.csv", "results/query_ranking.csv")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    table = pd.read_csv(run / "results/base_rate.csv")
    assert set(table["method"]) == set(METHODS)
    assert table["n_negatives"].between(20, 30).all()
    assert table["precision_text"].str.match("[<>]").all()
    ranked = pd.read_csv(run / "results/query_ranking.csv")
    assert set(ranked["mix"]) == {"paper", "matched", "query"}
    queried = ranked[ranked["mix"] == "query"]
    assert queried["n_negative"].between(20, 30).all()
    assert queried["recall_fp1"].isna().all()
