"""The way of a result back to its catalogue."""

import shutil
from pathlib import Path

import pytest

from galspec_core.errors import ProvenanceError
from galspec_core.lineage import as_text, trace
from galspec_core.record import file_checksum, record_path
from tests.jobs import SHARDS, TABLE, WEIGHTS, run_job


def test_every_file_on_the_way_is_found_and_what_comes_from_outside(small_run):
    lineage = trace(TABLE)
    assert set(lineage.records) == {TABLE, WEIGHTS, *SHARDS, "results/catalogs/specobj.parquet"}
    sample = str(small_run.parent / "sample.fits")
    assert lineage.unrecorded == {sample: file_checksum(sample)}
    assert not lineage.changed
    assert not lineage.renewed


def test_the_way_is_found_from_any_folder(small_run, monkeypatch):
    monkeypatch.chdir("/")
    assert trace(small_run / TABLE).records.keys() >= {WEIGHTS}


def test_shards_are_summed_up_and_nothing_is_told_twice(small_run):
    text = as_text(trace(TABLE))
    assert "results/spectra/rest/*.parquet: 4 files, all recorded (grid_shard)" in text
    assert text.count("sample.fits") == 1
    assert "specobj.parquet" in text
    assert "pretrain_encoder: entry.training.seed = 7" in text
    assert "read_catalog: settings.seeds = [0, 1]" in text


def test_a_changed_result_is_as_text(small_run):
    Path(TABLE).write_text("another\n")
    assert trace(TABLE).changed
    assert "CHANGED since it was recorded" in as_text(trace(TABLE))


def test_inputs_made_anew_lost_or_without_record_are_as_text(small_run):
    run_job("pretrain_encoder", [WEIGHTS], SHARDS[:1])
    assert trace(TABLE).renewed == {WEIGHTS}
    assert (
        f"{WEIGHTS} {trace(TABLE).records[TABLE].inputs[WEIGHTS][:12]} (pretrain_encoder), MADE ANEW SINCE"
        in as_text(trace(TABLE))
    )
    Path(SHARDS[0]).unlink()
    assert f"{SHARDS[0]} {trace(TABLE).records[SHARDS[0]].sha256[:12]} (grid_shard), NOT THERE" in as_text(trace(TABLE))
    record_path(SHARDS[0]).unlink()
    assert SHARDS[0] in trace(TABLE).unrecorded


def test_a_file_that_was_moved_is_asked_for_where_it_was(small_run, tmp_path):
    shutil.copy(TABLE, tmp_path / "copy.csv")
    shutil.copy(record_path(TABLE), record_path(tmp_path / "copy.csv"))
    with pytest.raises(ProvenanceError, match="the file was moved"):
        trace(tmp_path / "copy.csv")
