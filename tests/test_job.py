"""What a job of the workflow records of itself."""

import json
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import galspec_core
from galspec_core.errors import GalspecError
from galspec_core.job import describe_settings, find_seeds, job, repository
from galspec_core.provenance import code_hash
from galspec_core.record import file_checksum, read_record, record_path
from tests.conftest import ROOT
from tests.jobs import SHARDS, TABLE, WEIGHTS, pretend, run_job


def test_a_record_says_what_made_the_result(small_run):
    record = read_record(TABLE)
    assert (record.result, record.sha256, record.bytes) == (TABLE, file_checksum(TABLE), Path(TABLE).stat().st_size)
    assert (record.rule, record.settings, record.log) == ("score_tasks", {"bootstrap": 50}, "logs/score_tasks.log")
    assert record.inputs[WEIGHTS] == file_checksum(WEIGHTS)
    assert (record.galspec["version"], record.galspec["code"]) == (galspec_core.__version__, "0123456789abcdef")
    assert record.packages["numpy"] == np.__version__
    assert datetime.fromisoformat(record.started) <= datetime.fromisoformat(record.finished)


def test_a_rule_without_code_among_its_params_is_recorded_with_that_of_its_script(small_run):
    assert read_record(SHARDS[0]).galspec["code"] == code_hash(ROOT / "workflow_scripts/grid_shard.py")


def test_seeds_are_found_wherever_they_stand(small_run):
    assert read_record(WEIGHTS).seeds == {"entry.training.seed": 7}
    assert dict(find_seeds({"seed": "0", "a": {"seeds": [1], "b": {"seed": 2}}, "n": 3})) == {
        "seed": "0",
        "a.seeds": [1],
        "a.b.seed": 2,
    }


def test_settings_are_plain_and_do_not_list_the_inputs_again():
    paths = [f"{i:04d}.parquet" for i in range(5)]
    params = {"shards": {("lens", "pca"): ("kb", paths)}, "few": paths[:2], "place": Path("a"), "code": "x"}
    settings = describe_settings(params, paths)
    assert settings == {"shards": {"lens, pca": ["kb", "5 of the inputs"]}, "few": paths[:2], "place": "a"}
    assert json.loads(json.dumps(settings)) == settings


def test_the_record_of_a_shard_is_small(small_run):
    assert all(record_path(path).stat().st_size < 2000 for path in SHARDS)


def test_a_job_that_fails_leaves_no_record_not_even_an_old_one(small_run):
    with pytest.raises(SystemExit, match="no spectra"), job(pretend("score_tasks", [TABLE])):
        raise GalspecError("no spectra")
    assert not record_path(TABLE).exists()


@pytest.mark.parametrize("left", [0, 3, 500])
def test_a_damaged_input_is_named_instead_of_a_traceback(small_run, left):
    """Whatever a library says of it."""
    pq.write_table(pa.table({"a": range(1000)}), "whole.parquet")
    Path("cut.parquet").write_bytes(Path("whole.parquet").read_bytes()[:left])
    inputs = ["results/catalogs/none.fits", "whole.parquet", "cut.parquet"]
    said = r"^error: cut.parquet: is damaged.* Remove it and start again"
    with pytest.raises(SystemExit, match=said), job(pretend("score_tasks", [TABLE], inputs)):
        pq.read_table("cut.parquet")
    with pytest.raises(ValueError, match="other"), job(pretend("score_tasks", [TABLE], inputs[:2])):
        raise ValueError("other")


def test_the_same_job_writes_the_same_bytes_and_times_stand_in_the_record_alone(small_run):
    before, record = Path(TABLE).read_bytes(), read_record(TABLE)
    run_job("score_tasks", [TABLE], list(record.inputs), record.settings)
    assert Path(TABLE).read_bytes() == before
    assert read_record(TABLE).started > record.started


def test_the_commit_is_known_and_whether_files_were_modified(tmp_path):
    assert repository(tmp_path) == {}
    folder = tmp_path / "code"
    folder.mkdir()
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (folder / "a.py").write_text("1\n")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    head = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    assert repository(folder) == {"commit": head.strip(), "modified": False}
    (folder / "a.py").write_text("2\n")
    repository.cache_clear()
    assert repository(folder) == {"commit": head.strip(), "modified": True}
