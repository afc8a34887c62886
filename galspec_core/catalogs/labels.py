"""Labels of the selected spectra: line classes, lenses, outliers and whatever a user's tables name."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from galspec_core.catalogs.agreement import agree, join_portsmouth, label_pairs
from galspec_core.catalogs.crossmatch import UNMATCHED, match_silo, match_user, unmatched_rows
from galspec_core.catalogs.select import DROP_COLUMNS
from galspec_core.catalogs.settings import from_section
from galspec_core.errors import ConfigError

SELECTED = ["specobjid", "plate", "mjd", "fiberid", "ra", "dec"]  # what it takes from the selected spectra
LINES = ["specobjid", "plate", "mjd", "fiberid", "bpt", "hb", "oiii", "ha", "nii"]  # and from each Portsmouth catalogue
TARGETS = {"silo": "Lens", "outliers": "Outlier"}  # label of a catalogue's spectra where no task names another
UNGRADED = "ungraded"
SCHEMA = pa.schema(
    [
        ("specobjid", pa.uint64()),
        ("labels", pa.list_(pa.string())),
        ("held_out", pa.list_(pa.string())),
        ("subtype", pa.string()),
        ("bpt", pa.string()),
        ("log_nii_ha", pa.float64()),
        ("log_oiii_hb", pa.float64()),
    ]
)


@dataclass(frozen=True)
class LabelConfig:
    """What counts as which label: lens grades to words, words that are lenses, the table of line classes."""

    lens_grades: dict
    lens_target: tuple
    labels: tuple
    strong_liner: bool = False

    @classmethod
    def from_config(cls, section):
        """Return it from the four keys of ``catalogs``; raise ConfigError naming a wrong key or lens word."""
        config = from_section(cls, section, "catalogs")
        unknown = set(config.lens_target) - set(config.lens_grades)
        if unknown:
            raise ConfigError(f"no such grade: {', '.join(sorted(unknown))}", item="catalogs.lens_target")
        return config

    def grade_words(self):
        """Return {TOTAL_GRADE: word}, best grade first."""
        return {grade: word for word, grades in self.lens_grades.items() for grade in grades}


@dataclass(frozen=True)
class Labels:
    """Labels (SCHEMA, sorted by specobjid), the cross table of line classes, drops, and unmatched rows by name."""

    table: pa.Table
    agreement: pd.DataFrame
    drops: pd.DataFrame
    unmatched: pd.DataFrame


class Marks:
    """Marks gathered for ``n`` selected spectra: labels, held-out targets, subtypes, drops, unmatched rows."""

    def __init__(self, n):
        self.n, self.labels, self.held_out = n, {}, {}
        self.subtype = np.full(n, "", dtype=object)
        self.drops, self.unmatched = [], []

    def add(self, kind, name, rows):
        """Mark selected ``rows`` as ``name``; ``kind`` is ``labels`` or ``held_out``."""
        getattr(self, kind).setdefault(name, np.zeros(self.n, dtype=bool))[rows] = True

    def add_unmatched(self, name, table, matched):
        """List the rows of a catalogue that are no selected spectrum, and count them."""
        missing = unmatched_rows(name, table, matched)
        self.unmatched.append(missing)
        self.drops.append((name, "not a selected spectrum", len(missing)))


def make_labels(selected, catalogs, config, targets=None):
    """Return the labels of the selected spectra.

    Parameters
    ----------
    selected : pa.Table
        What ``select`` returns.
    catalogs : dict of pa.Table
        As ``read_catalog`` writes them, by name: galspecextra, portsmouth_boss, portsmouth_legacy, silo, outliers,
        tables/NAME. One that is missing or None is left out, with its labels.
    config : LabelConfig
    targets : dict, optional
        Label of each catalogue of targets: {"silo": "Lens", "tables/NAME": ...}.

    Raises
    ------
    CatalogError
        Both line catalogues are there and share no selected spectrum, or the lenses cannot be matched.
    """
    catalogs = {name: table for name, table in catalogs.items() if table is not None}
    targets, marks = TARGETS | (targets or {}), Marks(selected.num_rows)
    lines = _line_classes(selected, catalogs, config, marks)
    if "silo" in catalogs:
        _lenses(selected, catalogs["silo"], config, targets["silo"], marks)
    for name in sorted(n for n in catalogs if n == "outliers" or n.startswith("tables/")):
        _user_targets(selected, catalogs[name], name, targets.get(name, name.rpartition("/")[2]), marks)
    drops = pd.DataFrame(marks.drops, columns=DROP_COLUMNS)
    unmatched = pd.concat(marks.unmatched, ignore_index=True) if marks.unmatched else pd.DataFrame(columns=UNMATCHED)
    agreement = pd.DataFrame(columns=["bptclass", "portsmouth", "n", "label"]) if lines is None else lines.table
    return Labels(_table(selected, lines, marks), agreement, drops, unmatched)


def _line_classes(selected, catalogs, config, marks):
    """Mark the labels on which the two line catalogues agree; None where one of them is left out."""
    portsmouth = [catalogs[name] for name in ("portsmouth_boss", "portsmouth_legacy") if name in catalogs]
    if "galspecextra" not in catalogs or not portsmouth:
        return None
    pairs = label_pairs(config.labels, config.strong_liner)
    lines = agree(selected, catalogs["galspecextra"], join_portsmouth(portsmouth), pairs)
    for name in sorted(set(pairs.values())):
        marks.add("labels", name, lines.label == name)
    marks.drops.extend(lines.drops)
    return lines


def _lenses(selected, silo, config, target, marks):
    """Mark lenses by their best grade: those of ``lens_target`` are the target, all others are held out."""
    rows, there = match_silo(selected, silo)
    words = config.grade_words()
    rank = {grade: i for i, grade in enumerate(words)}
    grade = silo["grade"].to_numpy(zero_copy_only=False).astype(object)
    order = np.array([rank.get(grade[row], len(rank)) for row in rows], dtype="i8")
    best = np.lexsort((rows, order, there))
    best = best[np.unique(there[best], return_index=True)[1]]
    word = np.array([words.get(grade[row], UNGRADED) for row in rows[best]], dtype=object)
    is_target = np.isin(word.astype(str), list(config.lens_target))
    marks.add("labels", target, there[best][is_target])
    marks.add("held_out", target, there[best][~is_target])
    marks.subtype[there[best]] = word
    marks.add_unmatched("silo", silo, rows)
    marks.drops.append(
        ("silo", "another detection of a better or equal grade", len(np.unique(rows)) - len(np.unique(rows[best])))
    )
    for name in sorted(set(word[~is_target])):
        marks.drops.append(("silo", f"held out: {name}", len(np.unique(rows[best][word == name]))))


def _user_targets(selected, table, name, target, marks):
    """Mark the spectra of a user's table; the first row of a spectrum gives its subtype."""
    rows, there = match_user(selected, table)
    subtype = table["subtype"].to_numpy(zero_copy_only=False).astype(object)[rows]
    marks.add("labels", target, there)
    for place, word in zip(there[::-1], subtype[::-1], strict=True):
        marks.subtype[place] = word or marks.subtype[place]
    marks.add_unmatched(name, table, rows)


def _table(selected, lines, marks):
    """Return a row for each spectrum that has a label or is held out."""
    labels, held_out = _matrix(marks.labels, marks.n), _matrix(marks.held_out, marks.n)
    ids = selected["specobjid"].to_numpy()
    rows = np.flatnonzero(labels.any(axis=1) | held_out.any(axis=1))
    rows = rows[np.argsort(ids[rows], kind="stable")]
    nothing = np.full(marks.n, np.nan)
    bpt = np.full(marks.n, "", dtype=object) if lines is None else lines.label
    ratios = (nothing, nothing) if lines is None else (lines.log_nii_ha, lines.log_oiii_hb)
    lists = (as_lists(labels[rows], sorted(marks.labels)), as_lists(held_out[rows], sorted(marks.held_out)))
    words = (pa.array(list(values[rows]), pa.string()) for values in (marks.subtype, bpt))
    columns = [pa.array(ids[rows]), *lists, *words, *(pa.array(values[rows]) for values in ratios)]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _matrix(marks, n):
    """Return bool[n, C], C names in alphabetical order."""
    return np.stack([marks[name] for name in sorted(marks)], axis=1) if marks else np.zeros((n, 0), dtype=bool)


def as_lists(member, names):
    """Return the ``names`` [C] that each row of ``member`` [n, C] has, as a column of lists."""
    offsets = np.concatenate([[0], np.cumsum(member.sum(axis=1))]).astype("i4")
    values = pa.array(names, pa.string()).take(pa.array(np.nonzero(member)[1]))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def as_members(lists, names):
    """Return bool[n, C] of a column of lists: which of ``names`` [C] each row has. The inverse of ``as_lists``."""
    lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    member = np.zeros((len(lists), len(names)), dtype=bool)
    columns = pc.index_in(lists.flatten(), pa.array(names, pa.string())).to_numpy()
    member[np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy())), columns] = True
    return member


def read_label_words(path):
    """Return {specobjid: '+'-joined labels} of a table of labels, spectra that are only held out aside."""
    table = pq.read_table(path, columns=["specobjid", "labels"])
    words = pc.binary_join(table["labels"], "+").to_pylist()
    return {i: word for i, word in zip(table["specobjid"].to_pylist(), words, strict=True) if word}
