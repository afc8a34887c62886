"""The sample: who pre-trains, who fills the knowledge base, who is tested, and the manifest of what to fetch."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from galspec_core.catalogs.roles import draw_roles, labelled_pool
from galspec_core.catalogs.select import DROP_COLUMNS
from galspec_core.catalogs.settings import amount, from_section, share
from galspec_core.catalogs.survey import build_survey
from galspec_core.errors import ConfigError
from galspec_core.log import logger

MAX_SHARD_ROWS = 2048  # spectra that one job fetches and holds
MANIFEST = ["specobjid", "plate", "mjd", "fiberid", "run2d", "ra", "dec", "z", "snr"]
MANIFEST_END = ["position", "shard", "instrument", "side"]


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
    """Manifest and roles (pa.Table), drops (DataFrame: catalogue, reason, n)."""

    manifest: pa.Table
    roles: pa.Table
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
        A part would hold more than MAX_SHARD_ROWS spectra; the message has the number to set.
    """
    survey = build_survey(selected, labels, config)
    pool, left = labelled_pool(survey, config)
    roles, is_control = draw_roles(survey, pool, tasks, config)
    used = pool | is_control | np.isin(survey.specobjid, roles["specobjid"].to_numpy())
    manifest = _manifest(selected, survey, used, n_shards)
    drops = [("labels", f"{name}: more than catalogs.sample.labelled", n) for name, n in left.items()]
    drops.append(("specobj", "selected, but not drawn", int((~used).sum())))
    _warn_of_empty(tasks, roles, config.seeds)
    return Sample(manifest, roles, pd.DataFrame(drops, columns=DROP_COLUMNS))


def shard_numbers(n, n_shards):
    """Return the part of each of ``n`` rows: ``n_shards`` equal parts, some empty where there are fewer rows."""
    if -(-n // n_shards) > MAX_SHARD_ROWS:
        least = -(-n // MAX_SHARD_ROWS)
        raise ConfigError(
            f"{n:,} spectra in {n_shards} parts are too many for one",
            item="spectra.n_shards",
            expected=f"at most {MAX_SHARD_ROWS:,} spectra a part",
            got=f"{-(-n // n_shards):,}",
            remedy=f"Set spectra.n_shards to {least} or more",
        )
    return np.arange(n) * n_shards // max(n, 1)


def _manifest(selected, survey, used, n_shards):
    """Return the rows that have a role, sorted by plate, mjd and fiberid, each with position, side and shard."""
    table = selected.select([*MANIFEST, "instrument"]).take(np.argsort(selected["specobjid"].to_numpy(), kind="stable"))
    rows = np.flatnonzero(used)
    keys = [table[name].to_numpy()[rows] for name in ("specobjid", "fiberid", "mjd", "plate")]
    rows = rows[np.lexsort(keys)]
    table = table.take(rows)
    table = table.append_column("position", pa.array(survey.position[rows]))
    table = table.append_column(
        "side", pa.array(np.where(survey.training[rows], "training", "test").tolist(), pa.string())
    )
    names = [f"{number:04d}" for number in shard_numbers(len(rows), n_shards)]
    return table.append_column("shard", pa.array(names, pa.string())).select(MANIFEST + MANIFEST_END)


def _warn_of_empty(tasks, roles, seeds):
    """Log every task whose target is missing from a role of the first seed."""
    frame = roles.select(["task", "seed", "role", "label"]).to_pandas()
    frame = frame[frame["seed"] == seeds[0]]
    for name, entry in tasks.items():
        for role in ("knowledge_base", "test"):
            labels = frame.loc[(frame["task"] == name) & (frame["role"] == role), "label"]
            if not any(entry["target"] in label.split("+") for label in labels.unique()):
                logger.warning("task %s has no %s in its %s of seed %s", name, entry["target"], role, seeds[0])
