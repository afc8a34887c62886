"""Every misspelt or mistyped key is named."""

import copy
from pathlib import Path

import pytest

from galspec_core.config import check_config, load_config
from galspec_core.errors import ConfigError

ROOT = Path(__file__).parents[1]
CONFIG = load_config([ROOT / "config.yaml"])


@pytest.mark.parametrize(
    "overlay", [None, *sorted(p.name for p in (ROOT / "config").glob("*.yaml") if p.name != "schema.yaml")]
)
def test_what_is_shipped_is_valid(overlay):
    check_config(load_config([ROOT / "config.yaml", *([ROOT / "config" / overlay] if overlay else [])]))


def keys(section, path=()):
    """Return the path of every key below a section."""
    for key, value in section.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from keys(value, (*path, key))


FREE = {
    ("catalogs", "lens_grades"),
    ("catalogs", "sample", "labelled"),
    ("catalogs", "sample", "test"),
}  # names of one's own
NAMED = [
    p
    for p in keys(CONFIG)
    if p[:-1]
    not in FREE
    | {("spectra", "grids"), ("encoders",), ("tasks",), ("baselines", "systems"), ("search", "parameters", "columns")}
]


@pytest.mark.parametrize("path", NAMED, ids=".".join)
def test_a_misspelt_key_is_named(path):
    config = copy.deepcopy(CONFIG)
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1] + "x"] = section.pop(path[-1])
    with pytest.raises(ConfigError, match=path[-1] + "x"):
        check_config(config)


@pytest.mark.parametrize("path", [p for p in NAMED if p[0] != "mock"], ids=".".join)
def test_a_value_of_the_wrong_type_is_named(path):
    config = copy.deepcopy(CONFIG)
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = object()
    with pytest.raises(ConfigError, match=path[1] if path[0] == "encoders" and len(path) > 1 else path[-1]):
        check_config(config)


def test_a_near_miss_gets_a_hint():
    config = copy.deepcopy(CONFIG)
    config["search"]["topk"] = 3
    with pytest.raises(ConfigError, match=r"search\.topk: no such key; did you mean top_k\?"):
        check_config(config)


@pytest.mark.parametrize(("section", "name"), [("grids", "resting"), ("methods", "papper")])
def test_a_name_that_points_nowhere_is_named(section, name):
    config = copy.deepcopy(CONFIG)
    if section == "grids":
        config["encoders"]["pca"]["grid"] = name
    else:
        config["search"]["methods"] = [name]
    with pytest.raises(ConfigError, match=name):
        check_config(config)


BAD_NAMES = ["../x", "a/b", "/etc", "..", "", "A", "1a", "a b", "a\n", "a\0", "é", "a" * 41, "a|b", "{a}", "a.b"]
PLACES = ["encoders", "tasks", "spectra.grids", "baselines.systems", "search.parameters.columns"]


@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_becomes_a_folder_is_small_letters_digits_and_underscores(place):
    config = copy.deepcopy(CONFIG)
    section = config
    for key in place.split("."):
        section = section[key]
    entry = next(iter(section.values()))
    section |= dict.fromkeys([*BAD_NAMES, "good_1"], entry)
    with pytest.raises(ConfigError) as caught:
        check_config(config)
    lines = [line for line in str(caught.value).split("\n  ") if "becomes a folder" in line]
    assert [name for name in BAD_NAMES if not any(repr(name) in line for line in lines)] == []
    assert "good_1" not in str(caught.value)


BAD_SOURCES = ["tables/../../x", "tables//etc", "tables/", "tables/a/b", "/etc/hosts", "tables/a\n", "rings"]


def test_a_source_that_would_leave_its_folder_is_refused():
    config = copy.deepcopy(CONFIG)
    sources = [*BAD_SOURCES, "tables/Rings_2"]
    config["tasks"] |= {
        f"mine{i}": {"target": "Ring", "source": name, "file": "r.csv"} for i, name in enumerate(sources)
    }
    with pytest.raises(ConfigError) as caught:
        check_config(config)
    found = [
        line for line in str(caught.value).split("\n  ") if "a source is bpt, silo, outliers or tables/NAME" in line
    ]
    assert [line.split(".source: ")[1].split(" cannot")[0] for line in found] == [repr(name) for name in BAD_SOURCES]


def test_markup_never_reaches_the_report():
    config = copy.deepcopy(CONFIG)
    config["tasks"]["liner"]["target"] = "</script><script>alert(1)</script>"
    config["catalogs"]["lens_grades"]["<img src=x>"] = ["A<b", "a < b"]
    with pytest.raises(ConfigError) as caught:
        check_config(config)
    problems = [line for line in str(caught.value).split("\n  ") if "would run in the report" in line]
    where = ["catalogs.lens_grades", "catalogs.lens_grades.<img src=x>", "tasks.liner.target"]
    assert [line.split(": ")[0] for line in problems] == where
