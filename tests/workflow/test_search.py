"""Asking the tiny run: two routes to one answer, from the workflow's own files, for every method."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from galspec_core import KnowledgeBase
from galspec_core.cli import app
from galspec_core.paths import spec_path
from galspec_core.search.finder import Finder
from galspec_core.spectra.own import read_own

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize("task", ["classes", "lens"])
@pytest.mark.parametrize("method", ["galspec", "pca", "pca_obs", "paper"])
def test_a_test_spectrum_gets_the_answer_of_the_votes(run, task, method):
    manifest = pd.read_parquet(run / "results/catalogs/manifest.parquet").set_index("specobjid")
    votes = pd.read_parquet(run / f"results/search/{task}/votes.parquet")
    votes = votes[(votes["method"] == method) & (votes["seed"] == 0)]
    names = [spec_path(*manifest.loc[i, ["run2d", "plate", "mjd", "fiberid"]]) for i in votes["specobjid"]]
    answers = Finder.open(run / "", task, method).search([read_own(run / "data/mock/sas" / name) for name in names])
    for answer, vote in zip(answers, votes.itertuples(), strict=True):
        assert (answer.predicted, answer.known) == (vote.predicted, vote.known)
        assert answer.share == pytest.approx(vote.share, abs=1e-4)
        shown = min(len(vote.neighbour_ids), 10)
        assert answer.neighbours["specobjid"].tolist()[:shown] == list(vote.neighbour_ids[:shown])
        assert vote.specobjid not in set(answer.neighbours["specobjid"])


def test_a_name_or_a_specobjid_is_enough(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = pd.read_parquet(run / "results/catalogs/manifest.parquet").iloc[0]
    names = [f"{row['plate']}-{row['mjd']}-{row['fiberid']}", str(row["specobjid"])]
    done = CliRunner().invoke(app, ["search", *names, "--run", str(run / ""), "--json"])
    assert done.exit_code == 0, done.output
    one, other = json.loads(done.stdout)
    assert one["neighbours"] == other["neighbours"]
    assert len(list(tmp_path.glob("*.html"))) == 2


def test_a_spectrum_that_is_only_asked_about_is_known_by_name(run):
    """Its file lies under a root of its own; the shard that the query manifest names has it, too."""
    row = pd.read_parquet(run / "results/catalogs/query.parquet").iloc[0]
    base = KnowledgeBase.load(run / "")
    by_name = base.search(f"{row['plate']}-{row['mjd']}-{row['fiberid']}")
    file = run / "data/mock/query/sas" / spec_path(*row[["run2d", "plate", "mjd", "fiberid"]])
    by_file = base.search(file, z=row["z"])
    assert (by_name.name, by_name.shares) == (by_file.name, by_file.shares)
    pd.testing.assert_frame_equal(by_name.neighbours, by_file.neighbours)


def test_what_the_vote_has_learnt_is_a_recorded_result(run):
    for task in ("classes", "lens", "liner", "outlier"):
        assert (run / f"results/search/{task}/learnt/galspec.safetensors").is_file()
        assert (run / f"results/search/{task}/learnt/galspec.safetensors.provenance.json").is_file()
