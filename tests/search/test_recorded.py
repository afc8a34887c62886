"""Which vote of a finished run is asked where nobody names one."""

import json
import shutil
from dataclasses import asdict, replace

import pytest

from galspec_core.errors import SearchError
from galspec_core.record import read_record, record_path
from galspec_core.search.finder import Finder


@pytest.fixture
def without_classes(finished_run, tmp_path):
    """Give a run of which only one task was asked for, as ``snakemake results/table4.csv`` leaves it."""
    folder = tmp_path / "run"
    shutil.copytree(finished_run[0] / "results", folder / "results", ignore=shutil.ignore_patterns("classes"))
    return folder


def test_all_classes_are_asked_where_the_run_has_votes_on_them(finished_run):
    said = []
    assert Finder.open(finished_run[0], say=said.append).run.task == "classes"
    assert said == []


def test_else_its_first_task_is_and_a_sentence_says_so(without_classes):
    said = []
    assert Finder.open(without_classes, say=said.append).run.task == "liner"
    assert len(said) == 1
    assert "no vote on all classes: liner is asked; the target results/classes.csv makes one" in said[0]


def test_a_survey_s_archive_is_its_own_and_a_simulated_one_has_none(finished_run, without_classes):
    """The copy lacks the simulated archive, and the record of its catalogue says whose it is."""
    assert Finder.open(finished_run[0]).run.archive == "simulated"
    catalogue = without_classes / "results/catalogs/specobj.parquet"
    catalogue.touch()
    record = read_record(without_classes / "results/catalogs/manifest.parquet")
    record_path(catalogue).write_text(json.dumps(asdict(replace(record, settings={"survey": "desi"}))))
    assert Finder.open(without_classes).run.archive == "desi"


def test_a_knowledge_base_without_votes_is_none(without_classes):
    (without_classes / "results/search/liner/votes.parquet").unlink()
    with pytest.raises(SearchError, match="no knowledge base is here"):
        Finder.open(without_classes)
