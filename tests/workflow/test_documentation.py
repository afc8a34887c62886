"""What the documentation says of a run holds for one, and its pages build."""

import html
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.docs.data_model import differences, kinds
from tests.docs.markdown import all_blocks, code_words, name, pages

pytestmark = pytest.mark.workflow
ASKED_ONLY = {  # made by make baserate, not by results/paper.done
    "results/catalogs/query.parquet",
    "results/search/{task}/query.parquet",
    "results/base_rate.csv",
    "results/query_ranking.csv",
}
OF_THE_READER = re.compile(
    r"results/candidates/\w+\.(csv|html)|results/\S*ring\S*"
)  # on request, or of docs/own_target.md
BY_OTHER_COMMANDS = {"results/ablation.csv", "results/report.html"}  # make ablation, --report
A_RESULT = re.compile(r"(?:runs/\w+/)?((?:results|data)/[a-z0-9_./-]+\.(?:csv|parquet|png|pdf|html))")
EXAMPLES = [block for block in all_blocks("python") if block.mark == "run in a run"]


def test_every_file_of_a_run_is_as_the_data_model_says(run):
    faults, unmet = differences(run / ".", kinds())
    assert faults == []
    assert set(unmet) <= ASKED_ONLY


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_result_that_a_page_names_is_in_a_run(run, page):
    named = {found[1] for word in code_words(page) if (found := A_RESULT.fullmatch(word))}
    missing = {path for path in named if not (run / path).exists() and not OF_THE_READER.fullmatch(path)}
    assert missing <= ASKED_ONLY | BY_OTHER_COMMANDS


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: f"{block.page.stem}:{block.line}")
def test_the_examples_in_python_run_in_a_finished_run(run, block):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text], cwd=run / ".", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_the_pages_build_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [*command, "docs", str(tmp_path / "html")], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "html/data_model/tables.html").stat().st_size > 10_000
    for page in (ROOT / "docs").glob("*.md"):  # Sphinx writes pages of its own, a search among them
        heading = page.read_text().partition("\n")[0]
        made = (tmp_path / "html" / page.with_suffix(".html").name).read_text()
        assert f"<title>{html.escape(heading[2:])}" in made or not heading.startswith("# ")  # included from elsewhere
