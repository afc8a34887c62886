"""Roles: which spectra pre-train and validate, and, for each task and seed, fill the knowledge base or are tested."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from galspec_core.catalogs.controls import match_controls
from galspec_core.catalogs.draws import draw, shuffled
from galspec_core.catalogs.role_names import (
    ALL_CLASSES,
    KNOWLEDGE_BASE,
    PRETRAIN,
    TABLE2,
    TEST,
    THREE_CLASSES,
    VALIDATION,
)
from galspec_core.catalogs.settings import amount
from galspec_core.catalogs.survey import Survey
from galspec_core.catalogs.tasks import Task
from galspec_core.files import ROWS_AT_ONCE

UNLABELLED = "unlabelled"
SCHEMA = pa.schema(
    [
        ("specobjid", pa.uint64()),
        ("task", pa.string()),
        ("seed", pa.int32()),
        ("role", pa.string()),
        ("label", pa.string()),
        ("subtype", pa.string()),
    ]
)


def labelled_pool(survey, config):
    """Return bool[n], who may serve as a labelled spectrum, and {label: how many more there are}.

    A spectrum with several labels counts for its rarest.
    """
    pool, left = np.zeros(len(survey), dtype=bool), {}
    for number, name in enumerate(survey.names):
        rows = np.flatnonzero(survey.rarest == number)
        n = amount(config.labelled.get(name, "all"), len(rows), f"catalogs.sample.labelled.{name}")
        pool[draw(rows, survey.specobjid, n, config.draw_seed, "labelled")] = True
        left[name] = len(rows) - n
    return pool, left


def pretraining(survey, pool, config):
    """Return the rows that pre-train and those that validate: training side only, no position in both.

    Members of the pool come first, others are drawn.
    """
    side, ids = np.flatnonzero(survey.training), survey.specobjid
    n = amount(config.n_pretrain, len(side), "catalogs.sample.n_pretrain")
    order = side[shuffled(ids[side], config.draw_seed, "pretrain")]
    rows = order[np.argsort(~pool[order], kind="stable")][:n]
    places = np.unique(survey.position[rows])
    n_places = amount(float(config.validation), len(places))
    if config.validation > 0 and len(places) > 1:
        n_places = max(n_places, 1)
    held = places[shuffled(places, config.draw_seed, "validation")[:n_places]]
    validates = np.isin(survey.position[rows], held)
    return np.sort(rows[~validates]), np.sort(rows[validates])


def mixed_set(survey, pool, config, seed):
    """Return {role: rows} of one seed, all labels mixed (paper, section 4.2), drawn label by label on each side."""
    parts = {KNOWLEDGE_BASE: [], TEST: []}
    for number, name in enumerate(survey.names):
        sizes = {
            KNOWLEDGE_BASE: (survey.training, config.knowledge_base),
            TEST: (~survey.training, config.test.get(name, "all")),
        }
        for role, (side, size) in sizes.items():
            rows = np.flatnonzero(pool & side & (survey.rarest == number))
            n = amount(size, len(rows), f"catalogs.sample, {role} of {name}")
            parts[role].append(draw(rows, survey.specobjid, n, seed, role))
    return {role: np.sort(np.concatenate([*rows, np.empty(0, "i8")])).astype("i8") for role, rows in parts.items()}


def task_rows(survey, task, name, pool, mixed, controls):
    """Return {role: rows} of one task and seed; held-out spectra of its target are in none."""
    allowed = ~survey.is_held_out(task.target)
    if task.matched(name).source == "labels":
        return {role: rows[allowed[rows]] for role, rows in mixed.items()}
    wanted = allowed & survey.has(task.target)
    chosen = {role: rows[wanted[rows]] for role, rows in mixed.items()}
    return {
        role: np.concatenate([rows, *(controls[row] for row in rows)]).astype("i8") for role, rows in chosen.items()
    }


@dataclass(frozen=True)
class Part:
    """One role of a task and seed: the rows of the survey that serve it; ``words`` [n] name them, else their labels do."""

    task: str
    seed: int
    role: str
    row: np.ndarray
    words: pa.DictionaryArray | None = None


@dataclass(frozen=True)
class Roles:
    """The draw of all roles, made in pieces: seed by seed, so that no more than one seed's are held.

    ``tasks`` is {name: Task}, ``controls`` {name: {row of a target: rows of its controls}}, ``trains`` holds the rows that
    pre-train and those that validate.
    """

    survey: Survey
    pool: np.ndarray
    config: object
    tasks: dict
    controls: dict
    trains: tuple

    def used(self):
        """Return bool[n]: which spectra some task or encoder may use."""
        used = self.pool.copy()
        for rows in (*self.trains, *(rows for own in self.controls.values() for rows in own.values())):
            used[rows] = True
        return used

    def parts(self):
        """Yield every Part."""
        for role, rows in zip((PRETRAIN, VALIDATION), self.trains, strict=True):
            yield Part("", -1, role, rows)
        for seed in self.config.seeds:
            yield from self.of_seed(seed)

    def of_seed(self, seed):
        """Yield the parts of one seed: those of the tasks, ``classes`` and ``bpt3``."""
        mixed = mixed_set(self.survey, self.pool, self.config, seed)
        for name, task in self.tasks.items():
            own = task_rows(self.survey, task, name, self.pool, mixed, self.controls.get(name, {}))
            yield from (Part(name, seed, role, rows) for role, rows in own.items())
        yield from _all_classes(self.survey, mixed, seed)
        yield from _three_classes(self.survey, mixed, seed)

    def tables(self):
        """Yield all rows of roles.parquet (SCHEMA) in pieces."""
        for part in self.parts():
            for start in range(0, len(part.row), ROWS_AT_ONCE):
                yield _table(self.survey, part, part.row[start : start + ROWS_AT_ONCE])

    def table(self):
        """Return all of them as one table."""
        return pa.concat_tables([SCHEMA.empty_table(), *self.tables()])


def draw_roles(survey, pool, tasks, config):
    """Return the Roles of the configured ``tasks``, of ``classes`` (all labels in one vote) and ``bpt3`` (table 2)."""
    parsed = {name: Task.from_config(name, entry) for name, entry in tasks.items()}
    controls = {
        name: match_controls(survey, task.target, pool, task.matched(name), config.draw_seed)
        for name, task in parsed.items()
        if task.matched(name).source != "labels"
    }
    return Roles(survey, pool, config, parsed, controls, pretraining(survey, pool, config))


def _table(survey, part, rows):
    """Return the table of some of a part's rows."""
    n, take = len(rows), pa.array(rows)
    label = survey.joined_labels(rows) if part.words is None else part.words.take(take)
    columns = [survey.specobjid[rows], *(pa.repeat(value, n) for value in (part.task, part.seed, part.role))]
    columns += [label, survey.subtype.take(take)]
    return pa.table(dict(zip(SCHEMA.names, columns, strict=True))).cast(SCHEMA)


def _all_classes(survey, mixed, seed):
    """Return the vote over all labels: a spectrum held out for any target is not in it."""
    allowed = ~survey.held_out.any(axis=1)
    return [Part(ALL_CLASSES, seed, role, rows[allowed[rows]]) for role, rows in mixed.items()]


def _three_classes(survey, mixed, seed):
    """Return the paper's table 2: spectra of its line classes that carry no other label."""
    alone, number = survey.member.sum(axis=1) == 1, survey.bpt.indices.to_numpy()
    words = [TABLE2.get(word) for word in survey.bpt.dictionary.to_pylist()]
    serves = alone & np.array([word is not None for word in words])[number]
    words = pa.DictionaryArray.from_arrays(survey.bpt.indices, pa.array(words, pa.string()))
    return [Part(THREE_CLASSES, seed, role, rows[serves[rows]], words) for role, rows in mixed.items()]


def count_roles(roles):
    """Return task, class, role, n, n_std: means and standard deviations over seeds; controls are ``unlabelled``.

    A seed without a spectrum of some class and role counts as 0. ``roles`` is a pa.Table or DataFrame with the columns of
    SCHEMA.
    """
    keys = ["task", "label", "role", "seed"]
    roles = roles if isinstance(roles, pa.Table) else pa.Table.from_pandas(roles[keys], preserve_index=False)
    frame = roles.group_by(keys).aggregate([([], "count_all")]).to_pandas()
    frame = frame[frame["task"] != ""]
    frame = frame.assign(**{"class": frame["label"].where(frame["label"] != "", UNLABELLED)})
    by_seed = frame.pivot_table("count_all", ["task", "class", "role"], "seed", aggfunc="sum", fill_value=0)
    counts = pd.DataFrame({"n": by_seed.mean(axis=1), "n_std": by_seed.std(axis=1)}).reset_index()
    return counts.astype({"n": "int64"}) if (counts["n"] % 1 == 0).all() else counts
