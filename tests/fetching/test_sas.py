"""Where files are, and that a server gives what a folder has."""

import hashlib
import shutil
from types import SimpleNamespace

import pytest

from galspec_core.errors import FetchError
from galspec_core.sas import (
    CATALOG_PATHS,
    MAX_SUMS,
    FetchConfig,
    fetch_file,
    fetch_many,
    is_url,
    open_root,
    spec_path,
)
from tests.fetching.files import CATALOG, CONFIG, SPECTRUM, content


@pytest.mark.parametrize(
    ("run2d", "plate", "mjd", "fiberid", "path"),
    [
        ("26", 266, 51602, 1, SPECTRUM),
        (103, 2850, 54461, 12, "dr16/sdss/spectro/redux/103/spectra/lite/2850/spec-2850-54461-0012.fits"),
        ("104", 2, 53000, 640, "dr16/sdss/spectro/redux/104/spectra/lite/0002/spec-0002-53000-0640.fits"),
        ("v5_13_0", 3586, 55181, 1000, "dr16/eboss/spectro/redux/v5_13_0/spectra/lite/3586/spec-3586-55181-1000.fits"),
        ("v5_10_0 ", 10000, 57346, 9, "dr16/eboss/spectro/redux/v5_10_0/spectra/lite/10000/spec-10000-57346-0009.fits"),
    ],
)
def test_the_path_of_a_spectrum(run2d, plate, mjd, fiberid, path):
    assert spec_path(run2d, plate, mjd, fiberid) == path


def test_paths_are_those_of_real_files(sdss_sample):
    names = {str(p.relative_to(sdss_sample)) for p in sdss_sample.rglob("spec-*.fits")}
    made = {spec_path(name.split("/")[4], *name[:-5].split("/")[-1].split("-")[1:]) for name in names}
    assert made == names
    there = [name for name, path in CATALOG_PATHS.items() if (sdss_sample / path).is_file()]
    assert there == ["specobj", "galspecextra", "portsmouth_boss"]


def test_urls_and_folders():
    assert is_url("https://data.sdss.org/sas")
    assert is_url("HTTP://host/sas")
    assert not is_url("/data/sas")
    assert not is_url("httpd/sas")


def test_a_folder_gives_files_and_reasons(tree):
    local = open_root(tree, CONFIG)
    local.check()
    assert local.fetch_bytes(SPECTRUM) == content(tree)
    (tree / "short.fits").write_bytes(content(tree)[:-1])
    (tree / "page.fits").write_bytes(b"<html></html>")
    (tree / "empty.fits").write_bytes(b"")
    (tree / "folder.fits").mkdir()
    reasons = {
        "none.fits": "missing",
        "short.fits": "cut short",
        "page.fits": "not FITS",
        "empty.fits": "cut short",
        "folder.fits": "refused",
    }
    got = dict(fetch_many(local, list(reasons)))
    assert [got[i].reason for i in range(5)] == list(reasons.values())
    with pytest.raises(FetchError, match="no such folder"):
        open_root(tree / "nowhere").check()


def test_the_server_gives_what_the_folder_has(root, server, tree):
    root.check()
    assert root.fetch_bytes(SPECTRUM) == content(tree)
    assert server.hits[SPECTRUM] == 1
    headers = server.requests[-1][1]
    assert headers["User-Agent"].startswith("galspec/")
    assert headers["Accept-Encoding"] == "identity"


def test_a_redirect_within_the_host_is_followed(root, server, tree):
    server.fail("old.fits", kind="status", status=301, headers={"Location": f"/{SPECTRUM}"})
    assert root.fetch_bytes("old.fits") == content(tree)


def test_whole_chunks_are_a_whole_file(root, server, tree):
    server.fail(SPECTRUM, kind="chunked")
    assert root.fetch_bytes(SPECTRUM) == content(tree)
    assert server.hits[SPECTRUM] == 1


def test_files_have_a_largest_size(server):
    with open_root(server.url, FetchConfig(max_bytes_spectrum=50_000, max_bytes_file=50_000)) as root:
        with pytest.raises(FetchError, match="too large"):
            root.fetch_bytes(SPECTRUM)
        server.fail(SPECTRUM, kind="chunked")
        with pytest.raises(FetchError, match="too large"):
            root.fetch_bytes(SPECTRUM)


def test_a_sha1sum_is_found_and_held_to(server, root, tree, tmp_path):
    dest, sha1 = tmp_path / "catalog", hashlib.sha1(content(tree, CATALOG)).hexdigest()
    folder = (tree / CATALOG).parent
    assert root.find_sha1(CATALOG) is None
    (folder / "dr8_common.sha1sum").write_text(f"# comment\n{'0' * 40}  other.fits\n{sha1}  galSpecExtra-dr8.fits\n")
    assert root.find_sha1(CATALOG) == sha1
    fetch_file(f"{server.url}/{CATALOG}", dest, CONFIG)
    assert dest.read_bytes() == content(tree, CATALOG)
    dest.unlink()
    (folder / "dr8_common.sha1sum").write_text(f"{'0' * 40} *./galSpecExtra-dr8.fits\n")
    with pytest.raises(FetchError) as caught:
        fetch_file(f"{server.url}/{CATALOG}", dest, CONFIG)
    assert caught.value.reason == "checksum"
    assert list(tmp_path.glob("catalog*")) == []


def test_a_forbidden_listing_is_no_hindrance(server, root, tree, tmp_path):
    server.fail("dr8/common/", kind="status", status=403, times=None)
    fetch_file(f"{server.url}/{CATALOG}", tmp_path / "catalog", CONFIG)
    assert (tmp_path / "catalog").read_bytes() == content(tree, CATALOG)


def test_a_table_behind_a_query_is_fetched_as_it_stands(server, tree, tmp_path):
    (tree / "votable").write_text("<?xml version='1.0'?><VOTABLE/>")
    fetch_file(f"{server.url}/votable?-source=J/MNRAS/465/4530&-out.all", tmp_path / "outliers", CONFIG)
    assert (tmp_path / "outliers").read_text().endswith("<VOTABLE/>")
    assert server.requests[-1][0] == "votable?-source=J/MNRAS/465/4530&-out.all"


def test_a_listing_of_thousands_of_sums_is_not_followed(server, root, tree):
    folder = (tree / CATALOG).parent
    for i in range(50):
        (folder / f"{i}.sha1sum").write_text(f"{'0' * 40}  other.fits\n")
    assert root.find_sha1(CATALOG) is None
    assert sum(server.hits.values()) == 1 + MAX_SUMS


def test_a_disk_that_fills_on_the_way_ends_the_transfer(server, root, tmp_path, monkeypatch):
    server.fail(CATALOG, kind="chunked")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    with pytest.raises(FetchError, match="not enough free space"):
        root.fetch(CATALOG, tmp_path / "catalog")
