"""What pages tell a reader to type exists: commands, options, targets, settings, Python."""

import re
from functools import cache

import pytest
import yaml

from galspec_core.config import check_config, load_config, merge
from tests.conftest import ROOT
from tests.docs.commands import CHECKS, commands, fault, is_made
from tests.docs.markdown import all_blocks, code_words, name, pages

SHELL = all_blocks("bash", "console", "")
CONFIG = load_config([ROOT / "config.yaml"])
KEY = re.compile(rf"(?:{'|'.join(CONFIG)})(?:\.[a-z_0-9]+)+")


def place(block):
    return f"{name(block.page)}:{block.line}"


@pytest.mark.parametrize("block", SHELL, ids=place)
def test_every_command_of_a_block_exists(block):
    """A block without a language is output, but for lines with a prompt and those that begin with a known command."""
    found = list(commands(block.text)) if block.language or "\n$ " in "\n" + block.text else []
    assert [said for words in found if (said := fault(words))] == []


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_command_within_text_exists(page):
    found = [word for word in code_words(page) if word.split(" ")[0] in CHECKS and " " in word]
    assert [(word, said) for word in found for words in commands(word) if (said := fault(words))] == []


@pytest.mark.parametrize(
    "line",
    [
        "make nothing",
        "galspec find runs/demo",
        "galspec show --loud runs/demo",
        "snakemake --cores 1 results/table5.csv",
        "snakemake --corse 1 results/table4.csv",
        "python -m galspec_core.nothing",
        "pip install -e '.[magic]'",
        "sudo make me",
    ],
)
def test_a_command_that_does_not_exist_is_found(line):
    """Else the tests above would hold nothing."""
    assert fault(next(commands(line)))


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_setting_that_is_named_exists(page):
    assert [word for word in code_words(page) if KEY.fullmatch(word) and not is_key(word)] == []


@cache
def schema():
    return yaml.safe_load((ROOT / "config/schema.yaml").read_text())


def is_key(dotted):
    """Say whether a dotted name is a setting, or a module of a stage whose name it begins with."""
    node = schema()
    words = dotted.split(".")
    for i, word in enumerate(words):
        node = _resolved(node)
        known = node.get("properties", {})
        other = node.get("additionalProperties")
        if word in known:
            node = known[word]
        elif isinstance(other, dict):
            node = other
        else:
            return i == 1 and (ROOT / "galspec_core" / words[0] / f"{word}.py").exists()
    return True


def _resolved(node):
    """Follow a reference to a definition."""
    return schema()["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=place)
def test_a_block_of_settings_is_a_valid_overlay(block):
    settings = yaml.safe_load(block.text)
    if set(settings) <= set(CONFIG):
        check_config(merge(CONFIG, settings))


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_result_that_is_named_is_made(page):
    """Patterns with a star, folders and files of runs elsewhere are left out."""
    named = [w for w in code_words(page) if re.fullmatch(r"(results|data)/[a-z0-9_/.{}-]+\.(csv|parquet|png|pdf)", w)]
    assert [word for word in named if not is_made(re.sub(r"\{\w+\}", "0", word))] == []


@pytest.mark.parametrize("block", all_blocks("python"), ids=place)
def test_python_compiles_and_what_is_marked_runs(block):
    code = compile(block.text, place(block), "exec")
    if block.mark == "run":
        exec(code, {})
