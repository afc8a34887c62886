"""A page of candidates with known contents."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.figures.map import map_table
from galspec_core.figures.vetting import page_data, vetting_page
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.shard import Gridded, write_gridded
from tests.figures import maps
from tests.figures.browser import open_browser
from tests.figures.vetting import Page

GRID = Grid(
    frame="rest",
    spacing="log",
    wave=(3600.0, 7200.0),
    pixels=3011,
    interpolation="nearest",
    fill="edge",
    min_coverage=0.3,
)
EVIL = (
    "</script><script>document.title = 'run'</script> <img src=x onerror=\"document.title = 'run'\"> {{style}} & \u2028"
)
N = 40


def gridded(ids, seed=0):
    """Return spectra of a falling continuum with a line, noise and a bad pixel."""
    rng, wave = np.random.default_rng(seed), GRID.wavelengths
    flux = 1.5 - wave / 7200 + 3 * np.exp(-0.5 * ((wave - 5008) / 4) ** 2)
    flux = (flux + rng.normal(scale=0.1, size=(len(ids), len(wave)))).astype("f4")
    ivar = np.full_like(flux, 100.0)
    ivar[:, 1000] = 0
    return Gridded(np.array(ids, "u8"), np.full(len(ids), 0.1, "f4"), flux, ivar)


def survey(n=N):
    """Return candidates with their details, a knowledge base and the manifest: spectra 1 to n, the last five known."""
    ids = 2**63 + np.arange(1, n + 6, dtype="u8")
    manifest = pd.DataFrame(
        {"specobjid": ids, "plate": 8000, "mjd": 57000, "fiberid": np.arange(1, n + 6), "shard": "0000"}
    )
    manifest = manifest.assign(
        ra=150.0 + np.arange(n + 5), dec=2.5, z=0.05 + 0.001 * np.arange(n + 5), snr=5.0, position=ids
    )
    table = manifest.head(n).assign(
        rank=np.arange(1, n + 1), score=np.linspace(1, 0, n), probability=np.nan, catalogued=""
    )
    table["reason"] = [EVIL if i == 1 else f"3 of 3 nearest are Ring, number {i}" for i in range(n)]
    table["near_ids"], table["near_distances"] = [ids[n : n + 3]] * n, [np.array([0.4, 0.5, 0.6])] * n
    table["z_behind"], table["snr_behind"], table["lines_behind"] = np.nan, np.nan, [np.full(4, np.nan)] * n
    base = pd.DataFrame({"specobjid": ids[n:], "label": "Ring"})
    return table, base, manifest


def write_ring_page(folder, archive="sdss", **columns):
    """Write the page of the survey's candidates, with other ``columns`` of its manifest; return its path and its data."""
    table, base, manifest = (part.assign(**columns) if "plate" in part else part for part in survey())
    write_gridded(folder / "0000.parquet", gridded(manifest["specobjid"]))
    facts = {"task": "ring", "target": "Ring", "method": "pca", "run": "run-1", "behind": False}
    facts |= {"archive": archive, "window": [5300.0, 5850.0]}
    data = page_data(table, base, manifest, [folder / "0000.parquet"], None, GRID, facts)
    (folder / "ring.html").write_text(vetting_page(data), encoding="utf-8")
    return folder / "ring.html", data


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    return write_ring_page(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with open_browser(folder) as chrome:
        chrome.folder = folder
        yield chrome


@pytest.fixture
def fresh(browser, page):
    """Give the page without a mark."""
    browser.get(page[0].as_uri())
    browser.execute_script("localStorage.clear()")
    browser.get_log("browser")
    return Page(browser, page[0])


@pytest.fixture(scope="module")
def table():
    """The table of a map of 40 spectra."""
    manifest, labels = maps.survey(40)
    places = np.random.default_rng(0).normal(size=(40, 2)).astype("f4")
    return map_table(manifest, places, labels, ["z", "snr", "log_nii_ha", "instrument"])
