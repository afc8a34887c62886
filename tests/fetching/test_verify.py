"""Headers, lists of checksums, names and room on disk, as a server or a catalogue may give them."""

from datetime import UTC, datetime

import pytest

from galspec_core.errors import FetchError
from galspec_core.sas import check_free_space
from galspec_core.verify import parse_content_range, parse_retry_after, parse_sha1sum


def test_headers_are_read_as_http_writes_them():
    now = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
    assert parse_retry_after("120") == 120.0
    assert parse_retry_after("Wed, 01 May 2024 12:01:30 GMT", now) == 90.0
    assert parse_retry_after("Wed, 01 May 2024 11:00:00 GMT", now) == 0.0
    assert parse_retry_after("soon") is None
    assert parse_retry_after(None) is None
    assert parse_content_range("bytes 100-199/200") == (100, 200)
    assert parse_content_range("bytes 100-199/*") == (100, None)
    assert parse_content_range("bytes */200") == (None, None)


def test_sha1sum_lines_are_read_in_both_forms():
    text = f"{'a' * 40}  one.fits\n{'B' * 40} *./sub/two.fits\nnot a sum\n"
    assert parse_sha1sum(text) == {"one.fits": "a" * 40, "sub/two.fits": "b" * 40}


def test_free_space_is_checked_where_the_folder_will_be(tmp_path):
    check_free_space(tmp_path / "not/yet", 1)
    with pytest.raises(FetchError, match="not enough free space") as caught:
        check_free_space(tmp_path / "not/yet", 1e18)
    assert caught.value.reason == "no space"
