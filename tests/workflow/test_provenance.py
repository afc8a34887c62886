"""Records of a finished run, drift from them, and the same bytes at any number of cores."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from galspec_core.cli import app
from galspec_core.drift import FROM_SNAKEMAKE, find_drift
from galspec_core.lineage import trace
from galspec_core.record import SUFFIX, read_record, record_path
from tests.workflow.conftest import Run

TIMED = {"search_time.csv", "fig_c1.csv"}  # how long searches took is what they hold
SAME = ("results/table1.csv", "results/table4.csv", "results/classes.csv")

pytestmark = pytest.mark.workflow


def results(run):
    """Return the paths of all results of a run, below its folder."""
    files = (path for path in (run / "results").rglob("*") if path.is_file() and not path.name.endswith(SUFFIX))
    return sorted(str(path.relative_to(run / "")) for path in files)


def without_speed(path):
    """Return the bytes of a file; of a training's history those of its columns that hold no speed."""
    if path.name.startswith(("history", "loss_")) and path.suffix == ".csv":
        return pd.read_csv(path).drop(columns="spectra_per_s").to_csv().encode()
    return path.read_bytes()


def findings(run):
    """Return (kind, path) of all that a check of the run finds."""
    return [(finding.kind, finding.path) for finding in find_drift(run / "").findings]


def test_every_result_has_a_record_that_leads_to_the_catalogues(run):
    for name in set(results(run)) - FROM_SNAKEMAKE:
        record = read_record(run / name)
        assert (record.result, record.bytes) == (name, (run / name).stat().st_size)
    lineage = trace(run / "results/table4.csv")
    assert lineage.records.keys() >= {
        "data/mock/sas/dr16/sdss/spectro/redux/specObj-dr16.fits",
        "data/spectra/0001.parquet",
        "results/encoder/paper/weights.safetensors",
    }
    assert (lineage.unrecorded, lineage.renewed) == ({}, frozenset())
    assert read_record(run / "results/catalogs/roles.parquet").seeds["settings.seeds"] == [0, 1]


def test_a_finished_run_is_as_recorded(run):
    assert findings(run) == []
    assert CliRunner().invoke(app, ["verify", "--directory", str(run / "")]).exit_code == 0


def test_a_flipped_byte_a_leftover_and_a_lost_file_are_found_by_name(run, tmp_path):
    labels, shard, lost = "results/catalogs/labels.parquet", "data/spectra/0000.parquet", "results/table1.csv"
    kept = {name: shutil.copy2(run / name, tmp_path) for name in (shard, lost)}  # with their times: nothing runs again
    content = (run / shard).read_bytes()
    (run / shard).chmod(0o644)
    (run / shard).write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    (run / lost).unlink()
    leftover = run / "results/catalogs/.labels.parquet.12.tmp"
    leftover.write_bytes(b"half")
    try:
        found = findings(run)
    finally:
        leftover.unlink()
        for name, copy in kept.items():
            shutil.copy2(copy, run / name)
    assert {("changed", shard), ("missing", lost), ("leftover", "results/catalogs/.labels.parquet.12.tmp")} <= set(
        found
    )
    assert ("stale", "results/spectra/rest/0000.parquet") in found
    assert labels not in {name for _, name in found}


def test_records_of_shards_are_small(run):
    sizes = [path.stat().st_size for path in (run / "").rglob(f"0000*{SUFFIX}")]
    assert len(sizes) > 5
    assert max(sizes) <= 2000


def test_the_records_of_all_jobs_agree_on_settings_and_versions(run):
    records = [json.loads(record_path(run / name).read_text()) for name in set(results(run)) - FROM_SNAKEMAKE]
    assert len({record["config"] for record in records}) == 1
    assert len({json.dumps(record["packages"]) for record in records}) == 1


def test_one_core_gives_the_bytes_of_two(run, tmp_path):
    """The same seeds and software: every table, vote, embedding and weight is the same file."""
    alone = Run(tmp_path)
    done = alone.snakemake(*SAME, "--cores", "1")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    made = [name for name in results(alone) if Path(name).name not in TIMED]
    assert set(made) >= set(SAME)
    assert [name for name in made if without_speed(alone / name) != without_speed(run / name)] == []
