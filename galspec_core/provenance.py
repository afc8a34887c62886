"""The code that a rule depends on, as one hash: its script and every GalSpec module that this imports."""

import ast
import hashlib
from functools import cache
from pathlib import Path

import galspec_core

PACKAGE = Path(galspec_core.__file__).parent
WITHOUT_EFFECT = {
    "errors",
    "faults",
    "log",
    "sas",
    "download",
    "verify",
    "provenance",
    "record",
    "job",
    "files",
}  # modules that change no result, only how it comes


def code_hash(script, *modules):
    """Return a short hash of a script, of files it loads by name, and of every GalSpec module these import.

    What is no Python counts as it stands. Comments and layout count too. Modules without an effect on results (errors, logs,
    downloads) are left out.
    """
    files = [Path(script), *map(Path, modules)]
    digest = hashlib.sha256(b"".join(map(_source, files)))
    for module in sorted(set().union(*(_closure(file) for file in files if file.suffix == ".py"))):
        digest.update(_source(_module_path(module)))
    return digest.hexdigest()[:16]


def _closure(script):
    found, waiting = set(), list(imported_modules(script))
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(imported_modules(_module_path(module)))
    return found


@cache
def imported_modules(path):
    """Return the GalSpec modules, such as "spectra.grid", that a Python file imports and that affect results.

    A file that is no Python, such as the template of a page, imports none.
    """
    if path.suffix != ".py":
        return frozenset()
    names = set()
    for node in ast.walk(ast.parse(_source(path))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("galspec_core"):
            base = node.module.removeprefix("galspec_core").lstrip(".")
            names |= {base} | {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.name.removeprefix("galspec_core.") for a in node.names if a.name.startswith("galspec_core.")}
    return frozenset(n for n in names if n and n not in WITHOUT_EFFECT and _module_path(n).is_file())


def _module_path(module):
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _source(path):
    return path.read_bytes()
