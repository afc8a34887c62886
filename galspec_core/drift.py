"""Whether what is on disk is still what was recorded: every checksum anew, and what is missing, stale or left over."""

import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath

from galspec_core.errors import ProvenanceError
from galspec_core.log import Progress
from galspec_core.record import SUFFIX, file_checksum, read_record

STAGES = ("data", "results")
UNFINISHED = re.compile(r"^\..+\.\d+\.tmp$|\.part(\.version|\.lock)?$")  # names while a file is written or fetched
UNFINISHED_FOLDERS = {"partial", "checkpoint"}  # of shards being fetched and of networks being trained
FROM_SNAKEMAKE = {"results/paper.done", "results/report.html"}  # no script makes them
KINDS = {
    "changed": "its sha256 is not the recorded one",
    "missing": "recorded, but not there",
    "stale": "made from an input that is another now",
    "unrecorded": "no record says what made it",
    "unreadable": "its record cannot be read",
    "leftover": "left by a job that did not end",
}


@dataclass(frozen=True)
class Finding:
    """Something on disk that is not as recorded: a kind of KINDS, which file, and what more is known."""

    kind: str
    path: str
    detail: str


@dataclass(frozen=True)
class Drift:
    """What a check of a run found: how many files and bytes were read, and all findings."""

    files: int
    bytes: int
    findings: list[Finding]


def find_drift(folder, threads=None):
    """Hash every recorded file and input of the run in ``folder`` again and compare; return a Drift.

    Raises ProvenanceError if the folder has no record at all.
    """
    folder = Path(folder)
    names = sorted(_list_files(folder))
    records, findings = _read_records(folder, names)
    if not records and not findings:
        remedy = "Name the folder of a run with --directory"
        raise ProvenanceError("no record in data/ or results/", item=folder, remedy=remedy)
    used = Counter(name for record in records.values() for name in record.inputs)
    digests, size = _hash_all(folder, sorted({*records, *used}), threads)
    findings += _compare(records, digests, used) + _look_around(names, records, {f.path for f in findings})
    return Drift(len(digests), size, sorted(findings, key=lambda f: (list(KINDS).index(f.kind), f.path)))


def _list_files(folder):
    for stage in STAGES:
        for place, _, files in os.walk(folder / stage):
            yield from (os.path.relpath(os.path.join(place, name), folder) for name in files)


def _read_records(folder, names):
    """Return {file: Record} and a Finding for every record that cannot be read."""
    records, findings = {}, []
    for name in (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)):
        try:
            records[name] = read_record(folder / name)
        except ProvenanceError as error:
            findings.append(Finding("unreadable", name, str(error.got)))
    return records, findings


def _hash_all(folder, names, threads):
    """Return {file: sha256} of those files that are there, and their bytes in all."""
    there = [name for name in names if (folder / name).is_file()]
    progress, digests = Progress("verify", len(there), "files"), {}
    with ThreadPoolExecutor(threads or min(8, os.cpu_count() or 1)) as pool:
        for name, digest in zip(there, pool.map(lambda name: file_checksum(folder / name), there), strict=True):
            digests[name] = digest
            progress.add()
    return digests, sum((folder / name).stat().st_size for name in there)


def _compare(records, digests, used):
    """Return what is changed, missing or stale among the recorded files and their inputs."""
    findings = []
    for name, record in records.items():
        if name not in digests:
            findings.append(Finding("missing", name, f"made by {record.rule}"))
        elif digests[name] != record.sha256:
            findings.append(Finding("changed", name, f"recorded {record.sha256[:12]}, now {digests[name][:12]}"))
        others = [i for i, digest in record.inputs.items() if digests.get(i, digest) != digest]
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            findings.append(Finding("stale", name, f"made from another {others[0]}{more}"))
    gone = sorted(used.keys() - digests.keys() - records.keys())
    return findings + [Finding("missing", name, f"an input of {used[name]} files") for name in gone]


def _look_around(names, records, unreadable):
    """Return what is on disk without a record, and what unfinished jobs left."""
    findings = []
    for name in names:
        if _is_unfinished(name):
            findings.append(Finding("leftover", name, "remove it, or let the workflow finish the job"))
        elif not (name in records or name in unreadable or name.endswith(SUFFIX) or _needs_no_record(name)):
            findings.append(Finding("unrecorded", name, "made by hand, by an older version, or by a job cut short"))
    return findings


def _is_unfinished(name):
    path = PurePath(name)
    return bool(UNFINISHED.search(path.name)) or not UNFINISHED_FOLDERS.isdisjoint(path.parts[:-1])


def _needs_no_record(name):
    """Return whether no job's output is meant: spectra of a simulated archive, and what Snakemake itself writes."""
    parts = PurePath(name).parts
    return name in FROM_SNAKEMAKE or (parts[:2] == ("data", "mock") and "sas" in parts)


def as_text(drift):
    """Return a Drift for people, a line a finding, kinds in the order of KINDS."""
    lines = []
    for kind, meaning in KINDS.items():
        found = [finding for finding in drift.findings if finding.kind == kind]
        lines += [f"{len(found):,} {kind}: {meaning}"] * bool(found)
        lines += [f"  {finding.path}  ({finding.detail})" for finding in found]
    read = f"{drift.files:,} files, {drift.bytes / 1e9:.3g} GB, hashed again"
    return "\n".join([*lines, f"{read}: {'all as recorded' if not drift.findings else 'see above'}"])
