"""Headers, lists of checksums, names and room on disk, as a server or a catalogue may give them."""

from datetime import UTC, datetime

import pytest

from galspec_core.errors import FetchError
from galspec_core.paths import check_below
from galspec_core.sas import check_free_space, open_root, spec_path
from galspec_core.verify import (
    next_url,
    parse_content_range,
    parse_length,
    parse_retry_after,
    parse_sha1sum,
    version_of,
)


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


@pytest.mark.parametrize("text", ["²", "9" * 5000, "Thu, 99 Foo 99999 99:99:99 +99999999"])
def test_headers_that_no_server_should_send_say_nothing(text):
    assert parse_length({"Content-Length": text}) is None
    assert parse_content_range(f"bytes {text}-1/{text}") == (None, None)
    assert parse_retry_after(text) is None
    assert version_of({"ETag": f'"{text}\r\n x"'}) == ""


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("http://sas/a/b", "c", "http://sas/a/c"),
        ("http://sas/a/b", "https://sas/c", "https://sas/c"),
        ("https://sas/a/b", "//SAS/c", "https://SAS/c"),
        ("https://sas/a/b", "http://sas/c", None),
        ("http://sas/a/b", "http://sas.other/c", None),
        ("http://sas/a/b", "//other/c", None),
        ("http://sas/a/b", "http://sas@other/c", None),
        ("http://sas/a/b", "file:///etc/hosts", None),
        ("http://sas/a/b", "ftp://sas/c", None),
        ("http://sas/a/b", "http://[sas/c", None),
    ],
)
def test_a_redirect_stays_on_its_host_and_keeps_https(url, location, target):
    if target is not None:
        assert next_url("file", url, location) == target
        return
    with pytest.raises(FetchError, match="the server points"):
        next_url("file", url, location)


@pytest.mark.parametrize("rel", ["../x", "a/../../x", "..", "/etc/hosts", "a\0b"])
def test_a_path_that_leaves_its_root_is_refused(rel, tmp_path):
    with pytest.raises(FetchError, match="leaves the SAS root"):
        check_below(rel)
    with pytest.raises(FetchError, match="leaves the SAS root"):
        open_root(tmp_path).fetch_bytes(rel)


def test_dots_within_a_name_and_links_out_of_a_folder_are_allowed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a..b").write_bytes(b"text")
    (tmp_path / "sas").mkdir()
    (tmp_path / "sas/link").symlink_to(tmp_path / "elsewhere")
    assert open_root(tmp_path / "sas").fetch_bytes("link/a..b") == b"text"


BAD_RUN2D = ["../../etc", "a/b", "a\0b", "/etc", "..", ".", "", "x" * 32, "a\nb", "v5 13", "²", "a\\b", "a?b", "a%2e"]


@pytest.mark.parametrize("run2d", BAD_RUN2D)
def test_a_run2d_that_is_no_folders_name_is_refused(run2d):
    with pytest.raises(FetchError, match="names no file") as caught:
        spec_path(run2d, 266, 51602, 1)
    assert caught.value.reason == "bad name"
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize("numbers", [(-1, 51602, 1), (266, -1, 1), (266, 51602, -1)])
def test_a_number_below_zero_names_no_file(numbers):
    with pytest.raises(FetchError, match="names no file"):
        spec_path("26", *numbers)
