"""galspec search: what it prints, what it writes, and how it ends."""

import json
import os
import shutil
from io import StringIO
from pathlib import Path

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


def test_answers_lead_back_to_what_was_asked(folder, files, tmp_path):
    """Files of one name in two folders, and a name: ``asked`` tells them apart, in JSON and in CSV alike."""
    words = ["a/one.fits", "b/one.fits", "8200-57000-1"]
    for word, file in zip(words, files[:2], strict=False):
        (tmp_path / word).parent.mkdir()
        (tmp_path / word).symlink_to(file)
    answers = json.loads(search(folder, *words, "--json", "--no-page", "--z", 0.1).stdout)
    table = pd.read_csv(StringIO(search(folder, *words, "--csv", "--no-page", "--z", 0.1).stdout))
    assert [answer["asked"] for answer in answers] == table["asked"].unique().tolist() == words
    assert (table["own_z"] == 0.1).all()
    assert [answer["z"] for answer in answers] == [0.1] * 3


def test_csv_has_the_same_columns_where_nothing_is_answered(folder, files):
    head = [search(folder, file, "--csv", "--no-page").stdout.splitlines()[0] for file in (files[0], "none.fits")]
    assert head[0] == head[1]


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "x/" * 3000, "file/spec.fits"])
def test_a_path_that_cannot_be_looked_at_does_not_stop_the_others(folder, files, tmp_path, name):
    (tmp_path / "file").write_text("")
    done = search(folder, name, files[0], "--json", "--no-page")
    assert done.exit_code == 1
    assert [answer["asked"] for answer in json.loads(done.stdout)] == [files[0]]
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 1


def test_a_path_in_a_folder_that_may_not_be_read_is_an_error_of_its_own(folder, files, monkeypatch):
    """Whoever runs the tests may read every folder: the system's refusal is made here."""
    ask = os.stat

    def stat(path, *arguments, **options):
        if "closed" in str(path):
            raise PermissionError(13, "Permission denied")
        return ask(path, *arguments, **options)

    monkeypatch.setattr("os.stat", stat)
    done = search(folder, "closed/spec.fits", files[0], "--json", "--no-page")
    assert done.exit_code == 1
    assert len(json.loads(done.stdout)) == 1
    assert "spec.fits: the file cannot be read; got Permission denied" in done.stderr


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


@pytest.mark.parametrize("control", ["\x9b31m", "\x7f", "\x1b]0;", "\udcff"])
def test_control_characters_of_a_name_reach_no_terminal_by_json_or_csv(folder, files, tmp_path, control):
    name = f"{control}red.fits"
    (tmp_path / name).symlink_to(files[0])
    told = {kind: search(folder, name, kind).stdout for kind in ("--json", "--csv")}
    assert not any(control[0] in text for text in told.values())
    assert json.loads(told["--json"])[0]["asked"] == name  # a program gets it whole
    assert len(list(tmp_path.glob("*.html"))) == 1
    assert f"\\x{ord(control[0]):02x}" in told["--csv"]


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


@pytest.mark.parametrize("stem", ["s", "s.html"])
def test_every_page_has_a_name_of_its_own_also_beside_one_that_ends_in_a_number(folder, files, tmp_path, stem):
    names = [f"{stem}-3.fits", f"a/{stem}.fits", f"b/{stem}.fits", f"c/{stem}.fits"]
    for name, file in zip(names, (*files, files[0]), strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(file)
    done = search(folder, *names)
    said = [line.removeprefix("page: ") for line in done.stderr.splitlines() if line.startswith("page: ")]
    ends = ("-3", "", "-2", "-4")
    assert said == [f"galspec-search-{stem}{end}.html" for end in ends]
    assert {path.name for path in tmp_path.glob("*.html")} == set(said)


@pytest.fixture
def copy(folder, tmp_path):
    """Give a copy of the run that a test may spoil."""
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize(
    ("name", "asked", "code"),
    [
        ("results/spectra/rest/0000.parquet", None, 1),
        ("results/catalogs/labels.parquet", None, 2),
        ("results/catalogs/selected.parquet", "8200-57000-777", 1),
        ("results/catalogs/manifest.parquet", "8200-57000-1", 1),
        ("data/spectra/0000.parquet", "8200-57000-1", 1),
        ("results/search/classes/knowledge_base/galspec/metadata.parquet", None, 1),
    ],
)
def test_a_damaged_file_of_the_run_is_named_with_what_to_do(copy, files, name, asked, code):
    content = (copy / name).read_bytes()
    for damaged in (content[: len(content) // 2], content[:100], b""):
        (copy / name).write_bytes(damaged)
        done = search(copy, *([asked, files[1], "--no-page"] if asked else [files[0]]))
        assert "learnt anew" not in done.stderr
        assert done.exit_code == code, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        (said,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert str(Path(name).parent) in said
        assert "Remove it" in said
        assert (files[1].rpartition("/")[2] in done.stdout) == bool(asked)


def test_a_shard_that_is_gone_costs_pages_not_answers(copy, files):
    for name in ("0000.parquet", "0000.parquet.provenance.json"):  # the records of the others say how spectra were made
        (copy / "results/spectra/rest" / name).rename(copy / "results/spectra/rest" / name.replace("0000", "0001"))
    done = search(copy, *files)
    assert done.exit_code == 1
    assert all(name.rpartition("/")[2] in done.stdout for name in files)
    assert done.stderr.count("no page was written") == done.stderr.count("0000.parquet: is not there any more") == 3


def test_a_run_whose_archive_is_gone_still_knows_its_own_spectra(copy, files):
    """Also those that are only asked about, whose files lie under a root of their own."""
    asked = pd.read_parquet(copy / "results/catalogs/manifest.parquet").query("fiberid == 1")
    asked.to_parquet(copy / "results/catalogs/query.parquet")
    (copy / "results/catalogs/manifest.parquet").unlink()
    shutil.rmtree(copy / "data/mock/sas")
    by_name, by_file = (
        json.loads(search(copy, word, "--json", "--no-page").stdout)[0] for word in ("8200-57000-1", files[0])
    )
    assert by_name | {"asked": files[0]} == by_file
    assert search(copy, "8200-57000-2", "--no-page").exit_code == 1


def test_a_name_that_no_shard_has_is_fetched_from_the_runs_own_archive(copy, files):
    manifest = copy / "results/catalogs/manifest.parquet"
    pd.read_parquet(manifest).query("fiberid != 1").to_parquet(manifest)
    words = ["8200-57000-1", "8200-57000-2", files[0]]  # of the archive, of a shard, a file
    fetched, _, by_file = json.loads(search(copy, *words, "--json", "--no-page").stdout)
    assert fetched | {"asked": files[0]} == by_file


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
