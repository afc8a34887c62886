"""Records of a finished run, and drift from them."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from galspec_core.cli import app
from galspec_core.drift import FROM_SNAKEMAKE, find_drift
from galspec_core.lineage import trace
from galspec_core.record import SUFFIX, read_record, record_path
from tests.workflow.conftest import results

pytestmark = pytest.mark.workflow


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
