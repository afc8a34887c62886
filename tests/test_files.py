"""A file is there whole or not at all."""

import pytest

from galspec_core.files import replace


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    with replace(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(ValueError, match="broken"), replace(tmp_path / "a.csv") as temporary:
        temporary.write_text("half")
        raise ValueError("broken")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_what_a_killed_process_left_goes_with_the_next_success(tmp_path):
    left, other = tmp_path / ".a.csv.99999999.tmp", tmp_path / ".b.csv.99999999.tmp"
    left.write_text("half")
    other.write_text("half of another file")
    with replace(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.csv.99999999.tmp", "a.csv"]
