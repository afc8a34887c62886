"""A job of the workflow: its log while it runs, and the record of every output once it has succeeded."""

import hashlib
import json
import os
import platform
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import galspec_core
from galspec_core.errors import REMOVE, DamagedError, GalspecError
from galspec_core.log import job_log
from galspec_core.provenance import PACKAGE, code_hash
from galspec_core.record import Record, checksum, file_checksum, record_path, write_record

PACKAGES = (
    *("torch", "numpy", "scipy", "astropy", "pyarrow", "pandas", "faiss-cpu", "scikit-learn", "matplotlib"),
    *("snakemake", "bagpipes", "spender", "umap-learn"),
)
PARQUET = b"PAR1"  # at both ends of a Parquet file
LISTED = 4  # a setting that lists more input files than this is replaced by how many they are


@contextmanager
def job(snakemake, beside=()):
    """Run a job with its log, and leave a record beside every output once it has succeeded.

    ``beside`` are files that it may write beyond its declared outputs. Yields the logger of ``log.job_log``. Records of
    earlier outputs go first, so that none outlives its file.
    """
    started = _now()
    with job_log(snakemake.log[0]) as log:
        for path in (*snakemake.output, *beside):
            record_path(path).unlink(missing_ok=True)
        with damage_named(snakemake.input):
            yield log
        write_records(snakemake, started, beside)


@contextmanager
def damage_named(paths):
    """Name a damaged one among the files ``paths`` where something unforeseen goes wrong with them."""
    try:
        yield
    except GalspecError:
        raise
    except Exception as error:
        found = next((path for path in map(str, paths) if is_cut(path)), None)
        if found is None:
            raise
        what, got = "is damaged: no whole Parquet file", str(error)[:200]
        raise DamagedError(what, item=found, got=got, remedy=REMOVE) from error


def is_cut(path):
    """Return whether a Parquet file lacks its mark at either end, as one does that was cut short or overwritten."""
    if not path.endswith(".parquet") or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        first = file.read(len(PARQUET))
        file.seek(-min(len(PARQUET), os.fstat(file.fileno()).st_size), os.SEEK_END)
        return (first, file.read()) != (PARQUET, PARQUET)


def write_records(snakemake, started, beside=()):
    """Write the record of every output of a job that began at ``started`` (ISO 8601), and of what is ``beside`` them."""
    common = _describe(snakemake, started)
    for path in map(str, (*snakemake.output, *filter(os.path.exists, beside))):
        record = replace(common, result=path, sha256=file_checksum(path), bytes=os.stat(path).st_size)
        write_record(record, path)


def _describe(snakemake, started):
    """Return what the records of all outputs of a job share."""
    settings = describe_settings(snakemake.params, snakemake.input)
    wildcards = dict(snakemake.wildcards.items())
    return Record(
        result="",
        sha256="",
        bytes=0,
        rule=snakemake.rule,
        wildcards=wildcards,
        galspec=_code(snakemake),
        config=_hash(snakemake.config),
        settings=settings,
        seeds=dict(find_seeds({**settings, **wildcards})),
        inputs={str(path): checksum(path) for path in snakemake.input},
        packages=_packages(),
        machine=_machine(),
        threads=snakemake.threads,
        log=str(snakemake.log[0]),
        started=started,
        finished=_now(),
    )


def describe_settings(params, inputs):
    """Return the params of a rule as JSON values, without its code hash; long lists of inputs become their number."""
    inputs = set(map(str, inputs))

    def plain(value):
        if isinstance(value, dict):
            return {_key(key): plain(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple | set):
            named = len(value) > LISTED and inputs.issuperset(map(str, value))
            return f"{len(value)} of the inputs" if named else [plain(entry) for entry in value]
        return value if isinstance(value, str | int | float | bool | None) else str(value)

    return {key: plain(value) for key, value in params.items() if key != "code"}


def _key(key):
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def find_seeds(settings, where=""):
    """Yield (dotted name, value) of every setting called seed or seeds."""
    for key, value in settings.items():
        if key in ("seed", "seeds"):
            yield where + key, value
        elif isinstance(value, dict):
            yield from find_seeds(value, f"{where}{key}.")


def _now():
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _hash(config):
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()


def _code(snakemake):
    script = Path(snakemake.scriptdir) / f"{snakemake.rule}.py"
    code = dict(snakemake.params.items()).get("code") or code_hash(script)
    return {"version": galspec_core.__version__, "code": code, **repository(PACKAGE.parent)}


@cache
def repository(folder):
    """Return the commit of the git repository whose top is ``folder`` and whether files were modified since, or {}."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        if not (folder / ".git").exists():
            return {}
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": said.removesuffix("-dirty"), "modified": said.endswith("-dirty")}


@cache
def _packages():
    return {name: found for name in PACKAGES if (found := _version(name))}


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _machine():
    torch = sys.modules.get("torch")  # a job that has not used a GPU does not wake one to learn its name
    used = torch is not None and torch.cuda.is_initialized()
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if used else None,
    }
