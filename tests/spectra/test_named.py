"""Spectra by name: the reduction is believed where it is known, else looked for; one that is nowhere is said."""

import pytest

from galspec_core.errors import FetchError
from galspec_core.sas import FetchConfig, open_root
from galspec_core.spectra.named import fetch_named
from tests.sas_server import SasServer
from tests.spectra.files import rel, spec_lite

SEGUE = dict(plate=1857, mjd=53182, fiberid=7, run2d="103")
BOSS = dict(plate=6138, mjd=56598, fiberid=12, run2d="v5_10_0")
CONFIG = FetchConfig(threads=2)


@pytest.fixture(params=["folder", "server"])
def root(tmp_path, request, monkeypatch):
    """Give a SAS root of two spectra, of which the usual reductions hold none first."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for target in (SEGUE, BOSS):
        path = tmp_path / rel(target)
        path.parent.mkdir(parents=True)
        path.write_bytes(spec_lite(target))
    if request.param == "folder":
        yield open_root(tmp_path, CONFIG)
        return
    with SasServer(tmp_path) as server, open_root(server.url, CONFIG) as root:
        yield root


def name(target, run2d=None):
    return target["plate"], target["mjd"], target["fiberid"], run2d


def test_reductions_are_tried_until_one_has_the_plate(root):
    one, other = fetch_named([name(SEGUE), name(BOSS)], root, CONFIG, others=["v5_10_0"])
    assert (one.fibre, other.fibre) == (name(SEGUE)[:3], name(BOSS)[:3])


def test_what_a_catalogue_or_the_name_says_is_believed(root):
    known = {name(BOSS)[:3]: "v5_10_0"}
    assert fetch_named([name(BOSS)], root, CONFIG, known)[0].fibre == name(BOSS)[:3]
    assert fetch_named([name(BOSS, "v5_10_0")], root, CONFIG)[0].fibre == name(BOSS)[:3]


def test_one_that_is_nowhere_does_not_keep_others_from_coming(root):
    lost, found = fetch_named([(1857, 53182, 8, None), name(SEGUE)], root, CONFIG)
    assert isinstance(lost, FetchError)
    assert "1857-53182-8: the archive has no such spectrum; got reductions 26, 103, 104 were looked in" in str(lost)
    assert found.fibre == name(SEGUE)[:3]


def test_a_file_that_holds_another_spectrum_is_refused(root, tmp_path):
    (tmp_path / rel(SEGUE)).write_bytes(spec_lite(BOSS))
    (error,) = fetch_named([name(SEGUE)], root, CONFIG)
    assert error.reason == "another spectrum"
