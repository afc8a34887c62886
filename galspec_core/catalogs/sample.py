"""The sample: who pre-trains, who fills the knowledge base, who is tested, and the manifest of what to fetch."""

from dataclasses import dataclass

import pandas as pd

from galspec_core.catalogs.manifest import SELECTED, Manifest, make_manifest
from galspec_core.catalogs.role_draws import Roles, draw_roles, labelled_pool
from galspec_core.catalogs.select import DROP_COLUMNS
from galspec_core.catalogs.settings import amount, from_section, share
from galspec_core.catalogs.survey import build_survey
from galspec_core.log import logger


@dataclass(frozen=True)
class SampleConfig:
    """``catalogs.sample`` of the configuration, key by key."""

    draw_seed: int
    seeds: tuple
    link_arcsec: float
    test_side: float
    n_pretrain: int | float | str
    validation: float
    labelled: dict
    knowledge_base: int | float | str
    test: dict

    @classmethod
    def from_config(cls, section):
        """Return it; raise ConfigError naming a key that is unknown, missing or out of range."""
        config, where = from_section(cls, section, "catalogs.sample"), "catalogs.sample"
        share(config.test_side, f"{where}.test_side")
        share(config.validation, f"{where}.validation")
        amounts = {"n_pretrain": config.n_pretrain, "knowledge_base": config.knowledge_base}
        for key, value in amounts.items():
            amount(value, 0, f"{where}.{key}")
        for key, table in (("labelled", config.labelled), ("test", config.test)):
            for name, value in table.items():
                amount(value, 0, f"{where}.{key}.{name}")
        return config


@dataclass(frozen=True)
class Sample:
    """Manifest, roles, and drops (DataFrame: catalogue, reason, n)."""

    manifest: Manifest
    roles: Roles
    drops: pd.DataFrame


def draw_sample(selected, labels, tasks, config, n_shards):
    """Return the sample of a survey: the same for every machine and every order of the rows.

    Parameters
    ----------
    selected : pa.Table
        What ``select`` returns.
    labels : pa.Table
        The table of ``make_labels``.
    tasks : dict
        Entries of the configuration, those left out aside (``active_tasks``).
    config : SampleConfig
    n_shards : int
        Parts of the manifest.

    Raises
    ------
    ConfigError
        A part of the manifest would be too large; the message has the number to set.
    """
    selected = (
        selected.select(SELECTED).unify_dictionaries().combine_chunks()
    )  # to take rows of one piece costs no copy
    survey = build_survey(selected, labels, config)
    pool, left = labelled_pool(survey, config)
    roles = draw_roles(survey, pool, tasks, config)
    used = roles.used()
    manifest = make_manifest(selected, survey, used, n_shards)
    drops = [("labels", f"{name}: more than catalogs.sample.labelled", n) for name, n in left.items()]
    drops.append(("specobj", "selected, but not drawn", int((~used).sum())))
    _warn_of_few(survey, config.n_pretrain)
    _warn_of_empty(roles, config.seeds)
    return Sample(manifest, roles, pd.DataFrame(drops, columns=DROP_COLUMNS))


def _warn_of_few(survey, wanted):
    """Log where more spectra are asked to pre-train than the training side has."""
    there = int(survey.training.sum())
    if wanted != "all" and wanted > there:
        said = "catalogs.sample.n_pretrain asks for %s spectra, the training side has %s: all of these pre-train"
        logger.warning(said, f"{wanted:,}", f"{there:,}")


def _warn_of_empty(roles, seeds):
    """Log every task whose target is missing from a role of the first seed."""
    for part in roles.of_seed(seeds[0]):
        task = roles.tasks.get(part.task)
        if task and not roles.survey.has(task.target)[part.row].any():
            logger.warning("task %s has no %s in its %s of seed %s", part.task, task.target, part.role, part.seed)
