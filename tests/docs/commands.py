"""Check command lines against what exists: make's targets, galspec's and Snakemake's options, modules, extras, files."""

import importlib.util
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import typer.main

from galspec_core.cli import app
from tests.conftest import ROOT

SYSTEM = {
    *("awk", "cat", "cd", "chmod", "cp", "find", "git", "head", "ls", "mkdir", "mv", "source", "tail", "unzip"),
    *("apptainer", "docker", "pip-audit", "scancel", "squeue"),
}
ENDS = {"|", "&&", "||", ";"}
OWN = re.compile(r"[A-Z]{3,}|…|\{|\*|:|^/")  # a word that stands for the reader's own, or a pattern


def commands(text):
    """Return the commands of a block as lists of words; in one with prompts these lines alone are commands."""
    lines = text.replace("\\\n", " ").splitlines()
    prompted = [line[2:] for line in lines if line.startswith("$ ")]
    for line in prompted or lines:
        words = []
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        for word in [*lexer, ";"]:
            if word not in ENDS:
                words.append(word)
            elif words:
                yield words
                words = []


def fault(words):
    """Return what is wrong with a command, None if all its parts exist."""
    while words and re.match(r"^[A-Z_]+=", words[0]):
        words = words[1:]
    program, rest = Path(words[0]).name, words[1:]
    check = CHECKS.get(program)
    return check(rest) if check else (None if program in SYSTEM else f"no such program: {program}")


@cache
def make_targets():
    """Return the targets that the Makefile declares."""
    return set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[1].split())


def check_make(words):
    """Say which target of ``make`` does not exist."""
    unknown = {word for word in words if "=" not in word and not word.startswith(("-", "["))} - make_targets()
    return f"no target of make: {unknown}" if unknown else None


def check_galspec(words):
    """Say which command or option of ``galspec`` does not exist."""
    command = typer.main.get_command(app)
    for word in words:
        if hasattr(command, "commands") and not word.startswith("-"):
            if word not in command.commands:
                return f"no command of galspec: {word}"
            command = command.commands[word]
        elif word.startswith("--"):
            options = {name for p in command.params for name in [*p.opts, *p.secondary_opts]} | {"--help"}
            if word.split("=")[0] not in options:
                return f"no option of galspec {command.name}: {word}"
    return None


@cache
def made_files():
    """Return patterns of every file that rules make, wildcards open."""
    named = {
        "results/paper.done",
        "results/report.html",
        "results/ablation.csv",
    }  # the last two: make paper, make ablation
    for path in (ROOT / "rules").glob("*.smk"):
        for output in re.findall(r"^ +output:\n(.*?)^ +log:", path.read_text(), re.M | re.S):
            named |= set(re.findall(r'"((?:results|data)/[^"]*)"', output))
    return [re.compile(re.sub(r"\\\{+\w+\\\}+", r"[\\w./-]+", re.escape(pattern))) for pattern in named]


def is_made(path):
    """Say whether a rule names a file."""
    return any(pattern.fullmatch(path) for pattern in made_files())


def check_snakemake(words):
    """Say which option of Snakemake or which target of the workflow does not exist."""
    from snakemake.cli import get_argument_parser

    words = [word for word in words if not OWN.search(word)]
    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    unknown = {word.split("=")[0] for word in words if word.startswith("-") and word != "--"} - known
    targets = {word for word in words if word.startswith(("results/", "data/"))}
    files = {word for word in words if word.startswith(("config", "profiles/"))}
    missing = {word for word in targets if not is_made(word)}
    missing |= {word for word in files if "=" not in word and not (ROOT / word).exists()}
    return f"not in the workflow: {unknown | missing}" if unknown | missing else None


def check_python(words):
    """Say which module or extra a call of Python names that does not exist."""
    if words[:2] == ["-m", "pip"]:
        return check_pip(words[2:])
    if words[:1] != ["-m"]:
        return None
    if words[1] == "venv" or importlib.util.find_spec(words[1]):
        return None
    return f"no such module: {words[1]}"


def check_pip(words):
    """Say which extra of GalSpec does not exist."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {extra for word in words if (m := re.fullmatch(r"\.\[(.*)\]", word)) for extra in m[1].split(",")}
    return f"no such extra: {asked - set(known)}" if asked - set(known) else None


def check_pytest(words):
    """Say which file of tests does not exist."""
    missing = [word for word in words if word.startswith("tests/") and not (ROOT / word.split("::")[0]).exists()]
    return f"no such tests: {missing}" if missing else None


CHECKS = {
    "make": check_make,
    "galspec": check_galspec,
    "snakemake": check_snakemake,
    "python": check_python,
    "python3": check_python,
    "pip": check_pip,
    "pytest": check_pytest,
}
