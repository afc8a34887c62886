"""galspec search: what it prints, what it writes, and how it ends."""

import json
from io import StringIO

import pandas as pd
import pytest
from typer.testing import CliRunner

from galspec_core import KnowledgeBase
from galspec_core.cli import app
from galspec_core.paths import spec_path

invoke = CliRunner().invoke


@pytest.fixture
def folder(finished_run, tmp_path, monkeypatch):
    """Give the folder of a run; the current folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    return finished_run[0]


@pytest.fixture
def files(finished_run):
    """Give the files of three test spectra."""
    folder, table = finished_run
    rows = table[table["side"] == "test"].head(3).itertuples()
    return [str(folder / "data/mock/sas" / spec_path(row.run2d, row.plate, row.mjd, row.fiberid)) for row in rows]


def search(folder, *words):
    return invoke(app, ["search", "--run", str(folder), *map(str, words)])


def test_it_prints_the_verdict_and_the_neighbours_and_writes_a_page(folder, files, tmp_path):
    done = search(folder, files[0], "--top", 4)
    assert done.exit_code == 0, done.output
    name = files[0].rpartition("/")[2]
    assert done.stdout.startswith(f"{name}: ")
    assert "shares: " in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[-4:]] == ["1", "2", "3", "4"]
    assert len(done.stdout.splitlines()) == 8 + ("behind it" in done.stdout)
    (page,) = tmp_path.glob("*.html")
    assert page.name == f"galspec-search-{name.removesuffix('.fits')}.html"
    assert name in page.read_text()


def test_json_is_what_python_says_and_alone_on_stdout(folder, files, tmp_path):
    done = search(folder, *files, "--json", "--no-page")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    base = KnowledgeBase.load(folder)
    for answer, path in zip(found, files, strict=True):
        same = base.search(path)
        assert answer["predicted"] == same.predicted
        assert answer["shares"] == pytest.approx(same.shares)
        assert [int(row["specobjid"]) for row in answer["neighbours"]] == same.neighbours["specobjid"].tolist()
    assert list(tmp_path.iterdir()) == []


def test_csv_has_a_row_a_neighbour_and_whole_identifiers(folder, files):
    done = search(folder, *files, "--csv", "--no-page", "--top", 2, "--method", "pca")
    table = pd.read_csv(StringIO(done.stdout), dtype={"specobjid": "uint64"})
    assert len(table) == 6
    assert (table["specobjid"] >= 2**63).all()
    assert set(table["method"]) == {"pca"}


def test_files_that_fail_get_a_sentence_and_the_others_an_answer(folder, files, tmp_path):
    (tmp_path / "bad.csv").write_text("wave,flux,ivar\n1,2,3\n")
    (tmp_path / "no\x1b[31mcolour.csv").write_text("hello")
    bad = ["bad.csv", "none.fits", "8200-57000-999", "no\x1b[31mcolour.csv"]
    done = search(folder, bad[0], files[0], *bad[1:], files[1], "--json", "--no-page")
    assert done.exit_code == 1
    assert len(json.loads(done.stdout)) == 2
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 4
    assert "\x1b" not in done.stderr
    for name, line in zip(("bad.csv", "none.fits", "8200-57000-999"), said, strict=False):
        assert name in line


def test_a_name_that_would_colour_the_terminal_is_shown_as_text(folder, files, tmp_path):
    (tmp_path / "\x1b[31mred.fits").symlink_to(files[0])
    done = search(folder, "\x1b[31mred.fits")
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "\\x1b[31mred.fits" in done.stdout


def test_a_table_without_a_redshift_asks_for_one(folder, finished_run, tmp_path):
    from tests.finished_run import LOGLAM0, PIXELS, pixels_of

    row = next(finished_run[1].itertuples())
    flux, ivar = pixels_of(row)
    wave = 10 ** (LOGLAM0 + 1e-4 * pd.Series(range(PIXELS)))
    pd.DataFrame({"wave": wave, "flux": flux, "ivar": ivar}).to_csv(tmp_path / "mine.csv", index=False)
    done = search(folder, "mine.csv")
    assert done.exit_code == 1
    assert "the file says no redshift. Give it with --z" in done.stderr
    assert done.stdout.strip() == ""
    assert search(folder, "mine.csv", "--z", row.z).exit_code == 0


def test_a_filter_and_a_task_are_used(folder, files):
    done = search(folder, files[0], "--where", "class == 'SF' and z < 0.12", "--json", "--no-page", "--top", 3)
    assert {row["class"] for row in json.loads(done.stdout)[0]["neighbours"]} == {"SF"}
    done = search(folder, files[0], "--task", "liner", "--json", "--no-page")
    assert set(json.loads(done.stdout)[0]["shares"]) == {"LINER", "other"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--where", "__import__('os')"], "is no comparison"),
        (["--where", "colour > 1"], "there is no column colour"),
        (["--task", "quasar"], "expected one of classes, liner"),
        (["--method", "paper"], "expected one of galspec, pca"),
        (["--json", "--csv"], "cannot both go to stdout"),
        (["--page", "x.html", "--no-page"], "--page names the page of one FILE"),
        (["--top", "0"], "--top"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_use_ends_with_2_before_anything_is_asked(folder, files, words, said):
    done = search(folder, files[0], *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_no_run_ends_with_2(folder, files, tmp_path):
    done = search(tmp_path, files[0])
    assert done.exit_code == 2
    assert "no knowledge base is here" in done.stderr


def test_a_page_that_cannot_be_written_is_said(folder, files, tmp_path):
    (tmp_path / "file").write_text("")
    done = search(folder, files[0], "--page", "file/page.html")
    assert done.exit_code == 1
    assert "no page was written" in done.stderr


def test_pages_of_one_name_do_not_replace_each_other(folder, files, tmp_path):
    assert search(folder, files[0], files[0]).exit_code == 0
    assert len(list(tmp_path.glob("*.html"))) == 2


def test_help_shows_examples_and_exit_codes():
    done = invoke(app, ["search", "--help"])
    assert done.exit_code == 0
    for words in ("galspec search 8224", "Exit code", "--where", "--top"):
        assert words in done.stdout


def test_the_shell_completes_the_command_and_its_options():
    for typed, word in (("galspec sea", "search"), ("galspec search --wh", "--where")):
        asked = {"_GALSPEC_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
        done = invoke(app, [], prog_name="galspec", env=asked)
        assert word in done.stdout
