"""The code hash of a rule."""

from galspec_core.provenance import code_hash, imported_modules
from tests.conftest import ROOT


def test_a_rules_code_is_its_script_and_all_that_affects_its_result():
    scripts = ROOT / "workflow_scripts"
    assert "spectra.prepare" in imported_modules(scripts / "grid_shard.py")
    assert "log" not in imported_modules(scripts / "grid_shard.py")
    hashes = {path.stem: code_hash(path) for path in scripts.glob("*.py")}
    assert len(set(hashes.values())) == len(hashes)
    assert hashes["grid_shard"] == code_hash(scripts / "grid_shard.py")


def test_what_only_records_a_result_is_no_part_of_its_code():
    found = imported_modules(ROOT / "workflow_scripts/score_tasks.py")
    assert found & {"job", "record", "log", "files"} == set()
