"""The way of one result back to catalogues, shards and weights, by following the records of its inputs."""

import os
import textwrap
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePath

import yaml

from galspec_core.errors import ProvenanceError
from galspec_core.log import spell_seconds
from galspec_core.record import Record, file_checksum, read_record

SUMMED_UP = 3  # this many inputs of one rule, depth and suffix, or more, are one line
NAMED = {".safetensors"}  # weights are always named one by one
SHORT = 12  # hexadecimal digits of a checksum in the tree


@dataclass(frozen=True)
class Lineage:
    """A result, the records of all files it was made from, and the inputs that have none."""

    folder: Path  # of the run
    result: str
    now: str  # sha256 of the result as it is
    records: dict[str, Record]
    unrecorded: dict[str, str]  # path: sha256 as the file was when it was used
    renewed: frozenset[str]  # inputs made anew since: their record names another sha256 than their users' records

    @property
    def changed(self):
        """Say whether the result differs from the file that was recorded."""
        return self.now != self.records[self.result].sha256


def trace(path):
    """Return the Lineage of the file at ``path``; raise ProvenanceError if it has no record or was moved."""
    record = read_record(path)
    folder = _run_folder(path, record)
    records, unrecorded, renewed, waiting = {record.result: record}, {}, set(), [record]
    while waiting:
        for name, digest in waiting.pop().inputs.items():
            if name not in records and name not in unrecorded:
                try:
                    records[name] = read_record(folder / name)
                    waiting.append(records[name])
                except ProvenanceError:
                    unrecorded[name] = digest
            if name in records and records[name].sha256 != digest:
                renewed.add(name)
    return Lineage(folder, record.result, file_checksum(path), records, unrecorded, frozenset(renewed))


def _run_folder(path, record):
    parts, tail = Path(os.path.abspath(path)).parts, PurePath(record.result).parts
    if parts[-len(tail) :] != tail:
        remedy = "Ask for the file where the run made it: its inputs are found from there"
        raise ProvenanceError("the file was moved", item=path, expected=record.result, remedy=remedy)
    return Path(*parts[: -len(tail)])


def as_json(lineage):
    """Return a Lineage as JSON values, with the whole record of every file."""
    return {
        "result": lineage.result,
        "sha256_now": lineage.now,
        "changed": lineage.changed,
        "records": {name: asdict(record) for name, record in sorted(lineage.records.items())},
        "unrecorded": lineage.unrecorded,
        "made_anew_since": sorted(lineage.renewed),
    }


def as_text(lineage):
    """Return a Lineage for people: what made the result, then the tree of its inputs."""
    facts = [textwrap.indent(said, " " * 10).replace(" " * 10, f"{name:10}", 1) for name, said in describe(lineage)]
    return "\n".join([*facts, "", lineage.result, *_tree(lineage, [lineage.result], set(), "  ")])


def describe(lineage):
    """Yield (what, text) of all that made the result."""
    record = lineage.records[lineage.result]
    machine, galspec = record.machine, record.galspec
    yield "result", lineage.result
    state = f"CHANGED since it was recorded: it is {lineage.now} now" if lineage.changed else "as it is now"
    yield "sha256", f"{record.sha256}, {state}"
    yield "made by", " ".join([record.rule, *(f"{key}={value}" for key, value in record.wildcards.items())])
    yield "code", f"galspec {galspec['version']}, {_commit(galspec)}, sources of the rule {galspec['code']}"
    took = (datetime.fromisoformat(record.finished) - datetime.fromisoformat(record.started)).total_seconds()
    took = f"{took:.1f} s" if took < 10 else spell_seconds(took)
    yield "when", f"{record.started[:19]} UTC, {took}; threads: {record.threads}"
    gpu = machine["gpu"] or "no GPU used"
    yield (
        "machine",
        f"{machine['host']}, {machine['system']}, {machine['cpus']} cores, {gpu}, Python {machine['python']}",
    )
    yield "packages", textwrap.fill(", ".join(f"{name} {version}" for name, version in record.packages.items()), 100)
    yield "log", record.log
    yield "config", f"sha256 {record.config}"
    yield "settings", _yaml(record.settings)
    yield "seeds", "\n".join(sorted(_seeds(lineage))) or "none on the way"
    yield "inputs", f"{len(lineage.records) - 1} recorded files on the way, {len(lineage.unrecorded)} from outside"


def _commit(galspec):
    if "commit" not in galspec:
        return "not in a repository"
    return f"commit {galspec['commit']}{', modified since' if galspec['modified'] else ''}"


def _yaml(settings):
    text = yaml.safe_dump(settings, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True)
    return text.strip() if settings else "none"


def _seeds(lineage):
    return {f"{r.rule}: {name} = {value}" for r in lineage.records.values() for name, value in r.seeds.items()}


def _tree(lineage, paths, shown, indent):
    """Yield the inputs of ``paths``, a line each, theirs below them; inputs that stand above already are not repeated."""
    inputs = _inputs(lineage, paths)
    for label, group in _groups(lineage, inputs):
        below = frozenset(_inputs(lineage, group))
        yield f"{indent}{label}{', inputs as above' if below in shown else ''}"
        if below and below not in shown:
            shown.add(below)
            yield from _tree(lineage, group, shown, indent + "  ")


def _inputs(lineage, paths):
    """Return {path: sha256} of all that recorded files were made from."""
    records = (lineage.records[path] for path in paths if path in lineage.records)
    return {name: digest for record in records for name, digest in record.inputs.items()}


def _groups(lineage, inputs):
    """Yield (label, paths) of inputs, many of one kind together."""
    kinds = defaultdict(list)
    for name in sorted(inputs):
        rule = lineage.records[name].rule if name in lineage.records else "from outside"
        kinds[rule, len(PurePath(name).parts), PurePath(name).suffix].append(name)
    for (rule, _, suffix), names in kinds.items():
        if len(names) >= SUMMED_UP and suffix not in NAMED:
            said = ", ".join(sorted({_state(lineage, name) for name in names} - {""})) or "all recorded"
            yield f"{_pattern(names)}: {len(names)} files, {said} ({rule})", tuple(names)
            continue
        for name in names:
            state = _state(lineage, name)
            yield f"{name} {inputs[name][:SHORT]} ({rule}){state and ', ' + state}", (name,)


def _pattern(names):
    """Return paths of one depth and suffix as one path, with * for what differs."""
    suffix = PurePath(names[0]).suffix
    columns = list(zip(*(PurePath(name).parts for name in names), strict=True))
    parts = [column[0] if len(set(column)) == 1 else "*" for column in columns]
    return str(PurePath(*parts)) + (suffix if parts[-1] == "*" else "")


def _state(lineage, name):
    if name in lineage.renewed:
        return "MADE ANEW SINCE"
    if name in lineage.unrecorded:
        return "not recorded"
    return "" if (lineage.folder / name).is_file() else "NOT THERE"
