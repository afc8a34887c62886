"""Roles: which spectra pre-train and validate, and, for each task and seed, fill the knowledge base or are tested."""

import numpy as np
import pandas as pd
import pyarrow as pa

from galspec_core.catalogs.controls import match_controls
from galspec_core.catalogs.draws import draw, shuffled
from galspec_core.catalogs.settings import amount
from galspec_core.catalogs.tasks import Task

KNOWLEDGE_BASE, TEST, PRETRAIN, VALIDATION = "knowledge_base", "test", "pretrain", "validation"
ALL_CLASSES, THREE_CLASSES = "classes", "bpt3"  # votes over all labels, and over the paper's table 2
TABLE2 = {"SF": "SF", "Seyfert": "AGN", "LINER": "AGN", "Normal": "Normal"}  # paper, section 4.1; Composite left out
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


def draw_roles(survey, pool, tasks, config):
    """Return the table of roles (SCHEMA) and bool[n], who is a control of some task.

    Tasks are the configured ones, ``classes`` (all labels in one vote) and ``bpt3`` (the three classes of table 2).
    """
    parsed = {name: Task.from_config(name, entry) for name, entry in tasks.items()}
    controls, is_control = {}, np.zeros(len(survey), dtype=bool)
    for name, task in parsed.items():
        if task.matched(name).source != "labels":
            controls[name] = match_controls(survey, task.target, pool, task.matched(name), config.draw_seed)
            is_control[np.concatenate([*controls[name].values(), np.empty(0, "i8")]).astype("i8")] = True
    parts = [
        _frame(survey, rows, "", -1, role)
        for role, rows in zip((PRETRAIN, VALIDATION), pretraining(survey, pool, config), strict=True)
    ]
    for seed in config.seeds:
        mixed = mixed_set(survey, pool, config, seed)
        for name, task in parsed.items():
            own = task_rows(survey, task, name, pool, mixed, controls.get(name, {}))
            parts += [_frame(survey, rows, name, seed, role) for role, rows in own.items()]
        parts += _all_classes(survey, mixed, seed) + _three_classes(survey, mixed, seed)
    roles = pd.concat(parts, ignore_index=True)
    return pa.Table.from_pandas(roles, schema=SCHEMA, preserve_index=False), is_control


def _frame(survey, rows, task, seed, role, label=None):
    columns = {"specobjid": survey.specobjid[rows], "task": task, "seed": seed, "role": role}
    label = survey.joined_labels(rows) if label is None else label
    return pd.DataFrame(columns | {"label": label, "subtype": survey.subtype[rows]})


def _all_classes(survey, mixed, seed):
    """Return the vote over all labels: a spectrum held out for any target is not in it."""
    allowed = ~survey.held_out.any(axis=1)
    return [_frame(survey, rows[allowed[rows]], ALL_CLASSES, seed, role) for role, rows in mixed.items()]


def _three_classes(survey, mixed, seed):
    """Return the paper's table 2: spectra of its line classes that carry no other label."""
    alone = survey.member.sum(axis=1) == 1
    parts = []
    for role, rows in mixed.items():
        rows = rows[alone[rows] & np.isin(survey.bpt[rows].astype(str), list(TABLE2))]
        parts.append(_frame(survey, rows, THREE_CLASSES, seed, role, [TABLE2[word] for word in survey.bpt[rows]]))
    return parts


def count_roles(roles):
    """Return task, class, role, n, n_std: means and standard deviations over seeds; controls are ``unlabelled``.

    A seed without a spectrum of some class and role counts as 0. ``roles`` is a pa.Table or DataFrame with the columns of
    SCHEMA.
    """
    frame = roles.select(["task", "seed", "role", "label"]).to_pandas() if isinstance(roles, pa.Table) else roles
    frame = frame[frame["task"] != ""]
    frame = frame.assign(**{"class": frame["label"].where(frame["label"] != "", UNLABELLED)})
    by_seed = frame.groupby(["task", "class", "role", "seed"]).size().unstack("seed", fill_value=0)
    counts = pd.DataFrame({"n": by_seed.mean(axis=1), "n_std": by_seed.std(axis=1)}).reset_index()
    return counts.astype({"n": "int64"}) if (counts["n"] % 1 == 0).all() else counts
