"""A result as an RO-Crate, read back by the library that others read it with."""

import json
import zipfile
from pathlib import Path

import pytest

from galspec_core.errors import ProvenanceError
from galspec_core.record import file_checksum
from tests.jobs import SHARDS, TABLE, WEIGHTS

rocrate = pytest.importorskip("rocrate.rocrate", reason="rocrate, the extra crate, is not installed")


@pytest.fixture
def crate(small_run):
    """Export the table and read the crate back."""
    from galspec_core.crate import write_crate

    write_crate(TABLE, "table4.zip")
    return rocrate.ROCrate("table4.zip")


def test_the_crate_holds_the_result_and_every_record(crate):
    assert crate.mainEntity.id == TABLE
    with zipfile.ZipFile("table4.zip") as archive:
        assert archive.read(TABLE) == Path(TABLE).read_bytes()
        assert json.loads(archive.read(f"records/{WEIGHTS}.json"))["sha256"] == file_checksum(WEIGHTS)


def test_files_that_stay_behind_are_named_with_their_checksum(crate):
    for name in [WEIGHTS, *SHARDS]:
        assert crate.dereference(f"#{name}")["sha256"] == file_checksum(name)
    assert "#results/table4.csv" not in crate


def test_jobs_lead_from_the_catalogue_to_the_result(crate):
    actions = crate.get_by_type("CreateAction")
    assert len(actions) == 7  # one catalogue, four shards, weights, table
    made_by = {entity.id: action for action in actions for entity in action["result"]}
    last = made_by[TABLE]
    assert {entity.id for entity in last["object"]} == {f"#{WEIGHTS}", "#results/catalogs/specobj.parquet"}
    assert last["instrument"]["name"] == "GalSpec, rule score_tasks"
    assert last["startTime"] <= last["endTime"]
    assert {entity["name"] for entity in last["instrument"]["softwareRequirements"]} >= {"numpy", "torch"}
    first = made_by["#results/catalogs/specobj.parquet"]
    assert [Path(entity["name"]).name for entity in first["object"]] == ["sample.fits"]


def test_a_changed_result_is_not_exported(small_run):
    from galspec_core.crate import write_crate

    Path(TABLE).write_text("another\n")
    with pytest.raises(ProvenanceError, match="has changed since"):
        write_crate(TABLE, "table4.zip")
    assert not Path("table4.zip").exists()
