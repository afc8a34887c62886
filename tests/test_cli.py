"""The command galspec, the doctor, logs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import galspec_core
from galspec_core.cli import app
from galspec_core.config import load_config
from galspec_core.doctor import examine, needed_bytes
from galspec_core.errors import FetchError, GalspecError, SpectrumError
from galspec_core.files import replace
from galspec_core.log import Progress, job_log, spell_seconds

ROOT = Path(__file__).parents[1]
CONFIG, EMBEDDED = str(ROOT / "config.yaml"), str(ROOT / "config/embedded.yaml")
run = CliRunner().invoke


def test_the_version_is_said():
    done = run(app, ["--version"])
    assert (done.exit_code, done.stdout.strip()) == (0, f"galspec {galspec_core.__version__}")


def test_the_console_script_is_installed():
    done = subprocess.run(
        [Path(sys.executable).parent / "galspec", "--version"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("galspec ")


def test_the_doctor_says_what_is_there():
    done = run(app, ["doctor", CONFIG, EMBEDDED])
    assert done.exit_code == 0, done.output
    for word in ("Python", "torch", "snakemake", "GPU", "SLURM", "SAS root", "GB free"):
        assert word in done.stdout


def test_the_doctor_finds_what_is_missing(tmp_path):
    config = load_config([CONFIG, EMBEDDED]) | dict(sas="nowhere", outliers="none.csv", mock=None)
    states = {finding.what: finding.state for finding in examine(config, tmp_path)}
    assert (states["SAS root"], states["outliers"]) == ("bad", "bad")


def test_a_server_that_does_not_answer_is_found():
    config = load_config([CONFIG]) | dict(sas="http://127.0.0.1:9", outliers=None)
    states = {finding.what: finding for finding in examine(config)}
    assert states["SAS root"].state == "bad"


def test_dr16_needs_tens_of_gigabytes_and_the_demo_a_few():
    assert 40e9 < needed_bytes(load_config([CONFIG])) < 80e9
    assert 1e9 < needed_bytes(load_config([CONFIG, EMBEDDED])) < 4e9


def test_the_doctor_names_a_misspelt_key(tmp_path):
    overlay = tmp_path / "x.yaml"
    overlay.write_text("serach: {}\n")
    done = run(app, ["doctor", CONFIG, str(overlay)])
    assert done.exit_code == 2
    assert "did you mean search?" in done.output


def test_show_says_what_to_run_first(tmp_path):
    done = run(app, ["show", str(tmp_path)])
    assert done.exit_code == 2
    assert "results/table4.csv" in done.output


def test_an_error_says_which_object_what_was_expected_and_what_to_do():
    error = GalspecError("too short", item="x.fits", expected=10, got=3, remedy="Fetch it again")
    assert str(error) == "x.fits: too short; expected 10; got 3. Fetch it again"


@pytest.mark.parametrize("kind", [GalspecError, FetchError, SpectrumError])
def test_errors_survive_a_process_pool(kind):
    import pickle

    facts = {} if kind is GalspecError else dict(reason="missing")
    error = kind("gone", item="a", got=1, **facts)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (kind, str(error), vars(error))


def test_a_job_that_fails_says_why_without_a_traceback(tmp_path, capsys):
    with pytest.raises(SystemExit, match="error: x: gone"), job_log(tmp_path / "job.log"):
        raise GalspecError("gone", item="x")
    assert "x: gone" in (tmp_path / "job.log").read_text()
    assert "Traceback" not in (tmp_path / "job.log").read_text()


def test_progress_says_how_far_how_fast_and_how_long():
    progress = Progress("spectra", 1000)
    progress.done = 250
    assert progress.line(10) == "[spectra] 250/1,000 spectra (25 %), 25 spectra/s, 30 s left"
    assert [spell_seconds(s) for s in (5, 185, 7800, float("nan"))] == [
        "5 s",
        "3 min 05 s",
        "2 h 10 min",
        "unknown time",
    ]


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replace(path) as temporary:
        temporary.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old"
    with replace(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_provenance_tells_the_way_of_a_result_to_people_and_programs(small_run):
    told = run(app, ["provenance", "results/table4.csv"])
    assert told.exit_code == 0, told.output
    for word in (
        "score_tasks",
        f"galspec {galspec_core.__version__}",
        "as it is now",
        "torch",
        "bootstrap",
        "sample.fits",
    ):
        assert word in told.stdout
    records = json.loads(run(app, ["provenance", "--json", "results/table4.csv"]).stdout)["records"]
    assert records["results/table4.csv"]["rule"] == "score_tasks"


def test_provenance_of_a_file_without_record_ends_with_a_sentence(small_run):
    Path("notes.txt").write_text("mine")
    told = run(app, ["provenance", "notes.txt"])
    assert told.exit_code == 2
    assert "notes.txt: no record says what made this file" in told.output


def test_verify_ends_with_0_as_recorded_1_with_drift_2_without_a_run(small_run, tmp_path):
    assert run(app, ["verify"]).exit_code == 0
    Path("results/table4.csv").write_text("another\n")
    told = run(app, ["verify", "--directory", str(small_run), "--json"])
    assert told.exit_code == 1
    assert [f["path"] for f in json.loads(told.stdout)["findings"]] == ["results/table4.csv"]
    elsewhere = run(app, ["verify", "--directory", str(tmp_path / "nowhere")])
    assert elsewhere.exit_code == 2
    assert "no record in data/ or results/" in elsewhere.output
