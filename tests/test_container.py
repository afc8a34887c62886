"""The container is built from the same pins as everything else, and starts what is there."""

import json
import re
import tomllib

import yaml

from tests.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def words(instruction):
    """Return the JSON list of an instruction such as CMD."""
    found = re.search(rf"^{instruction} (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.M)
    return json.loads(found[1])


def test_its_python_is_that_of_the_conda_environments_and_new_enough():
    python = re.search(r"^FROM python:(\d+\.\d+)-slim$", DOCKERFILE, re.M)[1]
    for path in sorted((ROOT / "envs").glob("*.yaml")):
        assert f"python={python}" in yaml.safe_load(path.read_text())["dependencies"], path
    assert PROJECT["requires-python"] == f">={python}"


def test_it_installs_the_pins_and_only_extras_that_exist():
    install = re.search(r"pip install (.*)", DOCKERFILE)[1]
    assert "--constraint constraints.txt" in install
    extras = set(re.search(r"'\.\[(.*)\]'", install)[1].split(","))
    assert extras == set(PROJECT["optional-dependencies"]) - {"dev", "bench", "docs"}


def test_what_it_starts_is_in_the_project():
    started = [*words("ENTRYPOINT"), *words("CMD")]
    paths = [word.removeprefix("/opt/galspec/") for word in started if word.startswith("/opt/galspec/")]
    assert len(paths) == 3
    assert all((ROOT / path).exists() for path in paths)


def test_nothing_that_is_ignored_is_needed():
    ignored = (ROOT / ".dockerignore").read_text().split()
    needed = ["galspec_core", "rules", "config", "profiles", "workflow_scripts", "report", "constraints.txt", "envs"]
    assert set(ignored).isdisjoint(needed)
    assert {"data", "results", ".git", ".venv"} <= set(ignored)
