"""A small SAS tree and a server of it."""

import pytest

from galspec_core.sas import open_root
from tests.fetching.files import CATALOG, CONFIG, SPECTRUM, fits_like
from tests.sas_server import SasServer


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def tree(tmp_path):
    for i, rel in enumerate((SPECTRUM, CATALOG)):
        path = tmp_path / "sas" / rel
        path.parent.mkdir(parents=True)
        path.write_bytes(fits_like(20 + i, seed=i))
    return tmp_path / "sas"


@pytest.fixture
def server(tree):
    with SasServer(tree) as server:
        yield server


@pytest.fixture
def slept():
    return []


@pytest.fixture
def root(server, slept):
    with open_root(server.url, CONFIG, seed=1, sleep=slept.append) as root:
        yield root
