"""The record beside each result: code, settings, seeds, checksums, packages and machine that made it."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from galspec_core.errors import ProvenanceError

SUFFIX = ".provenance.json"
TOUCHED_WITHIN = 3600  # s; Snakemake touches the outputs when a job has ended, on a cluster some time after


@dataclass(frozen=True)
class Record:
    """What made one result file; paths are as the workflow names them, below the folder of the run or absolute."""

    result: str
    sha256: str
    bytes: int
    rule: str
    wildcards: dict
    galspec: dict  # version, code (hash of the rule's sources), commit and modified where there is a repository
    config: str  # sha256 of the whole configuration
    settings: dict  # the params of the rule: its sections of the configuration
    seeds: dict  # every seed among settings and wildcards, by its dotted name
    inputs: dict  # path: sha256
    packages: dict  # name: version
    machine: dict
    threads: int
    log: str
    started: str  # ISO 8601, UTC
    finished: str


def write_record(record, path):
    """Write a record beside the file ``path``, a line a field."""
    from galspec_core.files import replace  # here: it needs pyarrow, of which reading a record has no use

    write = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))  # a survey has thousands of records
    lines = [f"{write(key)}: {write(value)}" for key, value in asdict(record).items()]
    with replace(record_path(path)) as temporary:
        temporary.write_text("{" + ",\n ".join(lines) + "}\n", encoding="utf-8")


def read_record(path):
    """Return the record of the file ``path``; raise ProvenanceError if there is none or it cannot be read."""
    place = record_path(path)
    try:
        return Record(**json.loads(place.read_text(encoding="utf-8")))
    except FileNotFoundError:
        what, remedy = "no record says what made this file", "Only files that a rule made have one, beside them"
        raise ProvenanceError(what, item=path, expected=place.name, remedy=remedy) from None
    except (ValueError, TypeError) as error:
        what, remedy = "not a record that this version can read", "Make the file beside it again"
        raise ProvenanceError(what, item=place, got=error, remedy=remedy) from None


def record_path(path):
    """Return where the record of a file is."""
    return Path(f"{path}{SUFFIX}")


def checksum(path):
    """Return the sha256 of a file from its own record, which saves reading it; hashed where none can be trusted.

    A record is trusted if the file has its size and was not touched long after it.
    """
    there = os.stat(path)
    try:
        record, written = read_record(path), record_path(path).stat().st_mtime
    except ProvenanceError:
        return file_checksum(path)
    trusted = record.bytes == there.st_size and there.st_mtime < written + TOUCHED_WITHIN
    return record.sha256 if trusted else file_checksum(path)


def file_checksum(path):
    """Return the sha256 of a file, read in pieces."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
