"""The tables of docs/data_model, and what files really hold."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.docs.markdown import DOCS, inline_of, rows_of, sections

TYPES = {"double": "float64", "float": "float32", "large_string": "string"}
NOT_TABLES = {".pdf", ".png", ".json", ".safetensors", ".faiss", ".npy", ".done", ".html"}


@dataclass(frozen=True)
class Kind:
    """A kind of file: the patterns of its paths, and the columns {name: type} that all its files have."""

    page: Path
    paths: tuple
    columns: dict

    def pattern(self, path):
        """Return the regular expression of one of its paths."""
        return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def kinds():
    """Return the kinds of files that the pages describe: one a heading, with the first table below it."""
    found = []
    for page in sorted((DOCS / "data_model").glob("*.md")):
        for heading, tokens in sections(page):
            if not heading.startswith(("results/", "data/")):
                continue
            also = [line for line in inline_of(tokens) if line.content.startswith("Also: ")]
            paths = (heading, *(c.content for line in also for c in line.children if c.type == "code_inline"))
            columns = {row[0].strip("`"): row[1] for row in rows_of(tokens)}
            found.append(Kind(page, paths, columns))
    return found


def type_name(kind):
    """Return how the pages write an Arrow type."""
    if pa.types.is_fixed_size_list(kind):
        return f"{type_name(kind.value_type)}[]"
    if pa.types.is_list(kind):
        return f"{type_name(kind.value_type)} list"
    return type_name(kind.value_type) if pa.types.is_dictionary(kind) else TYPES.get(str(kind), str(kind))


def found_columns(path):
    """Return {column: type} of a file; a CSV's types are unknown, None."""
    if path.suffix == ".parquet":
        return {field.name: type_name(field.type) for field in pq.read_schema(path)}
    return dict.fromkeys(pd.read_csv(path, nrows=0).columns) if path.suffix == ".csv" else {}


def kind_of(path, known):
    """Return the kind whose pattern fits a path with the fewest open names; None if no page describes it."""
    fits = [
        (pattern.count("{"), kind) for kind in known for pattern in kind.paths if kind.pattern(pattern).fullmatch(path)
    ]
    return min(fits, key=lambda fit: fit[0])[1] if fits else None


def files(run):
    """Return the paths of all files in a run's results and data that a page must describe, below the run."""
    for path in sorted([*(run / "results").rglob("*"), *(run / "data").rglob("*")]):
        name = str(path.relative_to(run))
        hidden = any(part.startswith(".") or part in ("partial", "checkpoint") for part in path.relative_to(run).parts)
        if (
            path.is_file()
            and not hidden
            and not name.endswith(".provenance.json")
            and not name.startswith(("data/mock/", "data/catalogs/"))
        ):
            yield name


def differences(run, known):
    """Return sentences on every file of a run that is not as the pages say, and the kinds that no file is of."""
    faults, met = [], set()
    for name in files(run):
        kind = kind_of(name, known)
        if kind is None:
            faults += [] if Path(name).suffix in NOT_TABLES else [f"{name} is on no page"]
            continue
        met.add(kind.paths)
        found = found_columns(run / name)
        said = {column: re.sub(r"\[\w*\]", "[]", word) for column, word in kind.columns.items()}
        if list(found) != list(said):
            faults.append(f"{name} has {list(found)}, {kind.page.name} says {list(said)}")
        faults += [
            f"{name}: {c} is {t}, {kind.page.name} says {said[c]}"
            for c, t in found.items()
            if t and said.get(c, t) != t
        ]
    return faults, [kind.paths[0] for kind in known if kind.paths not in met]
