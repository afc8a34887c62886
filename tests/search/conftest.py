"""A finished run that can be asked about spectra."""

import pytest

from galspec_core.paths import spec_path
from galspec_core.search.finder import Finder
from galspec_core.spectra.own import read_own


def own_of(folder, row):
    return read_own(folder / "data/mock/sas" / spec_path(row.run2d, row.plate, row.mjd, row.fiberid))


@pytest.fixture(scope="module")
def finders(finished_run):
    return {
        (task, method): Finder.open(finished_run[0], task, method)
        for task in ("classes", "liner")
        for method in ("galspec", "pca")
    }


@pytest.fixture
def finder(finders):
    return finders["classes", "galspec"]


@pytest.fixture
def own(finished_run):
    """Give a spectrum of the test side."""
    folder, table = finished_run
    return own_of(folder, next(table[table["side"] == "test"].itertuples()))
