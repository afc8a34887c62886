"""A file is there whole or not at all."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from galspec_core import files
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


def test_a_frame_of_categories_and_lists_is_written_as_text_and_read_without_objects(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROWS_AT_ONCE", 2)
    frame = pd.DataFrame({"word": ["b", "a", "b", "c", "b"], "n": np.arange(5, dtype="u8") + np.uint64(2**63)})
    frame["lists"] = [[0, 1], [1], [], [2], [0]]
    files.write_frame(frame.astype({"word": "category"}), tmp_path / "coded.parquet")
    files.write_frame(frame, tmp_path / "plain.parquet")
    coded, plain = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("coded", "plain"))
    assert coded.equals(plain)
    assert coded.schema == plain.schema
    assert pq.read_metadata(tmp_path / "plain.parquet").num_row_groups == 3
    found = files.read_frame(tmp_path / "plain.parquet", ["word", "lists"], [("n", ">", np.uint64(2**63))])
    assert found["word"].tolist() == ["a", "b", "c", "b"]
    assert found["lists"].tolist() == [[1], [], [2], [0]]
    assert isinstance(found["word"].dtype, pd.CategoricalDtype)
