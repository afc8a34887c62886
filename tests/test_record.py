"""The record beside a result, and when a checksum may be taken from it."""

import os

import pytest

from galspec_core.errors import ProvenanceError
from galspec_core.record import TOUCHED_WITHIN, checksum, file_checksum, read_record, record_path, write_record
from tests.jobs import TABLE


def test_a_record_comes_back_as_it_was_written(small_run):
    record = read_record(TABLE)
    write_record(record, "elsewhere.csv")
    assert read_record("elsewhere.csv") == record


def test_a_checksum_comes_from_the_record_of_an_untouched_file(small_run):
    """Not from the file: the record here is made to say something else, and is believed."""
    place = record_path(TABLE)
    place.write_text(place.read_text().replace(file_checksum(TABLE), "f" * 64))
    assert checksum(TABLE) == "f" * 64


@pytest.mark.parametrize("how", ["longer", "touched", "no record"])
def test_a_file_is_hashed_where_its_record_cannot_be_trusted(small_run, how):
    before = file_checksum(TABLE)
    if how == "longer":
        with open(TABLE, "a") as handle:
            handle.write("more\n")
    elif how == "touched":
        size = os.stat(TABLE).st_size
        with open(TABLE, "w") as handle:
            handle.write("x" * size)
        late = record_path(TABLE).stat().st_mtime + TOUCHED_WITHIN
        os.utime(TABLE, (late, late))
    else:
        record_path(TABLE).unlink()
    assert checksum(TABLE) == file_checksum(TABLE)
    assert (checksum(TABLE) == before) is (how == "no record")


@pytest.mark.parametrize("text", ["{", "[]", '{"result": "a"}'])
def test_a_broken_record_is_named(small_run, text):
    record_path(TABLE).write_text(text)
    with pytest.raises(ProvenanceError, match=f"{TABLE}.provenance.json: not a record"):
        read_record(TABLE)
