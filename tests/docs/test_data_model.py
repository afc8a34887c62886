"""The pages of the data model: complete in themselves, and right about what the code writes without a run."""

import pandas as pd
import pytest

from galspec_core.search.tables import CLASSES, TABLE2, TABLE4
from galspec_core.spectra.shard import NATIVE_SCHEMA
from tests.docs.data_model import differences, found_columns, kind_of, kinds, type_name
from tests.docs.markdown import DOCS, rows_of, sections

KNOWN = kinds()


def test_every_column_has_a_type_and_says_what_it_is():
    for page in (DOCS / "data_model").glob("*.md"):
        for heading, tokens in sections(page):
            rows = rows_of(tokens) if heading.startswith(("results/", "data/")) else []
            assert [row for row in rows if not (row[1] and row[3] and row[3] != "?")] == [], heading


def test_no_file_is_described_twice():
    paths = [path for kind in KNOWN for path in kind.paths]
    assert len(paths) == len(set(paths)) > 70


def test_native_shards_are_as_their_schema():
    said = kind_of("data/spectra/0000.parquet", KNOWN).columns
    assert said == {field.name: type_name(field.type) for field in NATIVE_SCHEMA}


def test_the_most_definite_pattern_wins():
    assert "evidence" in kind_of("results/encoder/galspec/embedding/0000.parquet", KNOWN).columns
    assert "evidence" not in kind_of("results/encoder/pca/embedding/0000.parquet", KNOWN).columns


@pytest.mark.parametrize(
    ("path", "columns"),
    [("results/table2.csv", TABLE2), ("results/table4.csv", TABLE4), ("results/classes.csv", CLASSES)],
)
def test_tables_have_the_columns_that_the_code_writes(path, columns):
    assert list(kind_of(path, KNOWN).columns) == list(columns)


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("results/table1.csv", "task,class,role,n\n", "table1.csv has"),
        ("results/table9.csv", "a\n1\n", "table9.csv is on no page"),
    ],
    ids=["a column too few", "a new file"],
)
def test_a_run_that_is_otherwise_is_found(tmp_path, name, text, fault):
    (tmp_path / "results").mkdir()
    (tmp_path / name).write_text(text)
    faults, unmet = differences(tmp_path, KNOWN)
    assert len(faults) == 1
    assert fault in faults[0]
    assert "results/table2.csv" in unmet


def test_another_type_is_found(tmp_path):
    path = tmp_path / "results/catalogs/roles.parquet"
    path.parent.mkdir(parents=True)
    said = kind_of("results/catalogs/roles.parquet", KNOWN).columns
    pd.DataFrame(0.5, index=[0], columns=list(said)).to_parquet(path, index=False)
    faults, _ = differences(tmp_path, KNOWN)
    assert len(faults) == len(said)
    assert "roles.parquet: specobjid is float64, catalogs.md says uint64" in faults[0]
    assert found_columns(path)["specobjid"] == "float64"
