"""What made a result: the code a rule depends on, and the record beside each result file."""

import ast
import hashlib
import json
import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import galspec_core
from galspec_core.files import replace

PACKAGE = Path(galspec_core.__file__).parent
WITHOUT_EFFECT = {
    "errors",
    "faults",
    "log",
    "sas",
    "download",
    "verify",
    "provenance",
    "files",
}  # modules that change no result, only how it comes
RECORDED = ("torch", "numpy", "scipy", "astropy", "pyarrow", "pandas", "faiss-cpu", "scikit-learn", "snakemake")


def code_hash(script, *modules):
    """Return a short hash of a script, of files it loads by name, and of every GalSpec module these import.

    Comments and layout count too. Modules without an effect on results (errors, logs, downloads) are left out.
    """
    files = [Path(script), *map(Path, modules)]
    digest = hashlib.sha256(b"".join(map(_source, files)))
    for module in sorted(set().union(*map(_closure, files))):
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
    """Return the GalSpec modules, such as "spectra.grid", that a Python file imports and that affect results."""
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


def file_checksum(path):
    """Return the sha256 of a file, read in pieces."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_provenance(result, inputs=(), settings=None, seeds=None):
    """Write ``<result>.provenance.json`` beside a result file.

    Parameters
    ----------
    result : path
    inputs : iterable of paths
        Their sha256 is recorded, up to 64 of them; of more, only how many.
    settings, seeds : JSON values
        The configuration section and the seeds behind the result.
    """
    inputs = [Path(path) for path in inputs]
    record = {
        "result": Path(result).name,
        "galspec": galspec_core.__version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: _version(name) for name in RECORDED},
        "settings": settings,
        "seeds": seeds,
        "sha256": file_checksum(result),
        "n_inputs": len(inputs),
        "inputs": {str(path): file_checksum(path) for path in inputs[:64] if path.is_file()},
    }
    with replace(Path(f"{result}.provenance.json")) as temporary:
        Path(temporary).write_text(json.dumps(record, indent=2, default=str) + "\n")


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
