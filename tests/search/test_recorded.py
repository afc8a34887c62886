"""Which vote of a finished run is asked where nobody names one."""

import shutil

import pytest

from galspec_core.errors import SearchError
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


def test_a_knowledge_base_without_votes_is_none(without_classes):
    (without_classes / "results/search/liner/votes.parquet").unlink()
    with pytest.raises(SearchError, match="no knowledge base is here"):
        Finder.open(without_classes)
