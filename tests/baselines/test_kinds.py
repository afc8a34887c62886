"""Every kind is a module that does what its family asks for; a wrong entry is named before anything runs."""

import copy
import inspect
from pathlib import Path

import pytest

from galspec_core.baselines import kinds as kinds_module
from galspec_core.baselines.kinds import ENCODER, KINDS, check_systems, load_kind, module_path, resolve
from galspec_core.config import load_config
from galspec_core.errors import ConfigError

CONFIG = load_config([Path(__file__).parents[2] / "config.yaml"])
FUNCTION = {
    "classifier": "train", "supervised": "build", "network": "build", "embedding": "embed", "score": "fit", "cluster": "fit"
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_a_module_with_its_familys_function(kind):
    module = load_kind({"kind": kind})
    assert KINDS[kind][0] == module.FAMILY
    assert callable(getattr(module, FUNCTION[module.FAMILY]))
    assert module_path({"kind": kind}).is_file()
    assert module.__doc__


def test_like_takes_the_architecture_over_and_own_keys_come_first():
    paper = CONFIG["encoders"]["paper"]
    entry = resolve({"kind": "supervised", "like": "paper", "patch": 99}, CONFIG)
    assert entry["patch"] == 99
    assert "like" not in entry
    assert {key: entry[key] for key in ENCODER if key != "patch"} == {
        key: paper[key] for key in ENCODER if key != "patch"
    }


def test_what_is_shipped_is_sound():
    check_systems(CONFIG)


def change(system, **keys):
    config = copy.deepcopy(CONFIG)
    config["baselines"]["systems"][system] |= keys
    return config


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (change("svm", clusters=3), "of no use clusters"),
        (change("svm", grid="resting"), "there is no such grid"),
        (change("flow", of="svm"), "there is no such network"),
        (change("rf_rest", features="nuisance"), "either a grid's flux or features"),
        (change("supervised", like="pca"), "there is no such Transformer"),
    ],
)
def test_a_wrong_entry_is_named(config, words):
    with pytest.raises(ConfigError, match=words):
        check_systems(config)


@pytest.mark.parametrize(
    ("key", "name", "words"),
    [
        ("in_systems", "svn", "no such system"),
        ("in_table2", "forest_outliers", "a score alone"),
        ("in_systems", "paper", "no such system"),
    ],
)
def test_a_list_that_cannot_hold_a_name_is_refused(key, name, words):
    config = copy.deepcopy(CONFIG)
    config["baselines"][key].append(name)
    with pytest.raises(ConfigError, match=words):
        check_systems(config)


def test_a_missing_key_is_named():
    config = copy.deepcopy(CONFIG)
    del config["baselines"]["systems"]["kmeans"]["clusters"]
    with pytest.raises(ConfigError, match=r"kmeans.*missing clusters"):
        check_systems(config)


ARGUMENTS = {
    "classifier": ["entry", "spectra", "codes", "n_classes", "seed"],
    "supervised": ["entry", "grid"],
    "network": ["entry", "grid"],
    "embedding": ["entry", "spectra"],
    "score": ["entry", "spectra", "seed"],
    "cluster": ["entry", "spectra", "seed"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kinds_function_takes_what_its_family_is_given(kind):
    module = load_kind({"kind": kind})
    assert list(inspect.signature(getattr(module, FUNCTION[module.FAMILY])).parameters) == ARGUMENTS[module.FAMILY]


def test_every_module_with_a_family_is_a_kind():
    files = Path(kinds_module.__file__).parent.glob("*.py")
    assert {path.stem for path in files if "\nFAMILY = " in path.read_text()} == set(KINDS)


def test_without_like_an_entry_is_as_it_was():
    entry = {"kind": "flux", "grid": "rest"}
    assert resolve(entry, CONFIG) == entry


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (change("flow", of="nobody"), "there is no such network"),
        (change("supervised", like="nobody"), "there is no such Transformer"),
        (change("knn", like="pca"), "there is no such Transformer"),
        (change("forest_outliers", lr=0.1), "of no use lr"),
        (change("mlp", features="lines"), "of no use features"),
    ],
)
def test_another_wrong_entry_is_named(config, words):
    with pytest.raises(ConfigError, match=words):
        check_systems(config)


def test_a_forest_that_sees_nothing_is_refused():
    config = copy.deepcopy(CONFIG)
    del config["baselines"]["systems"]["rf_rest"]["grid"]
    with pytest.raises(ConfigError, match="either a grid's flux or features"):
        check_systems(config)


def test_a_system_named_as_a_method_of_the_search_is_refused():
    config = copy.deepcopy(CONFIG)
    config["baselines"]["systems"]["pca"] = config["baselines"]["systems"]["knn"]
    config["baselines"]["in_systems"].append("pca")
    with pytest.raises(ConfigError, match="has this name already"):
        check_systems(config)
