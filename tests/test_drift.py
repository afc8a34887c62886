"""Whether what is on disk is still what was recorded."""

from pathlib import Path

import pytest

from galspec_core.drift import as_text, find_drift
from galspec_core.errors import ProvenanceError
from galspec_core.record import record_path
from tests.jobs import SHARDS, TABLE, WEIGHTS, run_job


def findings(folder):
    """Return (kind, path) of everything that a check finds."""
    return [(finding.kind, finding.path) for finding in find_drift(folder).findings]


def flip(path):
    """Change one bit of a file in place."""
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    Path(path).write_bytes(bytes(data))


def test_a_run_is_as_it_was_recorded(small_run):
    drift = find_drift(small_run)
    assert (drift.findings, drift.files) == ([], 8)  # four shards, catalogue, weights, table, and the sample outside
    assert drift.bytes == sum(map(len, map(Path.read_bytes, [*map(Path, [*SHARDS, WEIGHTS, TABLE]), Path("../sample.fits"),
                                                             Path("results/catalogs/specobj.parquet")])))  # fmt: skip
    assert as_text(drift).endswith("all as recorded")


def test_a_flipped_bit_is_found_with_what_was_made_from_the_file(small_run):
    flip(WEIGHTS)
    assert findings(small_run) == [("changed", WEIGHTS), ("stale", TABLE)]
    text = as_text(find_drift(small_run))
    assert f"{TABLE}  (made from another {WEIGHTS})" in text


def test_a_result_is_stale_if_its_input_was_made_anew(small_run):
    run_job("pretrain_encoder", [WEIGHTS], SHARDS[:1])
    assert findings(small_run) == [("stale", TABLE)]


def test_a_changed_catalogue_outside_the_run_is_drift(small_run):
    flip("../sample.fits")
    assert findings(small_run) == [("stale", "results/catalogs/specobj.parquet")]


def test_missing_files_are_named_recorded_or_not(small_run):
    Path(SHARDS[2]).unlink()
    Path("../sample.fits").unlink()
    assert findings(small_run) == [("missing", str(small_run.parent / "sample.fits")), ("missing", SHARDS[2])]


def test_files_without_a_readable_record_are_named(small_run):
    Path("results/mine.csv").write_text("a\n")
    record_path(TABLE).write_text("{")
    assert findings(small_run) == [("unrecorded", "results/mine.csv"), ("unreadable", TABLE)]


@pytest.mark.parametrize(
    "name",
    [
        "results/.table4.csv.123.tmp",
        "data/catalogs/specobj.part",
        "data/catalogs/specobj.part.version",
        "data/spectra/partial/0000/00000.parquet",
        "results/encoder/pca/checkpoint/last.pt",
    ],
)
def test_what_an_unfinished_job_left_is_named(small_run, name):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("half")
    assert findings(small_run) == [("leftover", name)]


@pytest.mark.parametrize("name", ["data/mock/sas/dr16/spectra/1/spec-1.fits", "results/paper.done"])
def test_a_simulated_archive_and_flags_of_snakemake_need_no_record(small_run, name):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("x")
    assert findings(small_run) == []


def test_a_folder_without_records_is_no_run(tmp_path):
    with pytest.raises(ProvenanceError, match="no record in data/ or results/"):
        find_drift(tmp_path)
