"""Tasks: which targets are searched for, and which catalogue and negatives each needs."""

from dataclasses import dataclass, field

from galspec_core.catalogs.settings import from_section
from galspec_core.errors import ConfigError
from galspec_core.log import logger

FEATURES = ("z", "snr", "instrument")
NEGATIVES = ("labels", "unlabelled")


@dataclass(frozen=True)
class Negatives:
    """Where negatives come from: the other labels, or ``per_target`` unlabelled spectra matched to each target."""

    source: str = "labels"
    match: tuple = ()
    per_target: int = 1

    @classmethod
    def from_config(cls, section, where):
        """Return it from a task's ``negatives``; raise ConfigError naming what is wrong."""
        section = {("source" if key == "from" else key): value for key, value in section.items()}
        negatives = from_section(cls, section, where)
        wrong = [name for name in negatives.match if name not in FEATURES]
        if negatives.source not in NEGATIVES or wrong:
            expected = f"from: {' or '.join(NEGATIVES)}; match: {', '.join(FEATURES)}"
            raise ConfigError(
                "no such negatives", item=where, expected=expected, got=[negatives.source, *negatives.match]
            )
        return negatives


@dataclass(frozen=True)
class Task:
    """One target and its catalogue; ``only`` names the rows of a user's table that count. ``top_k`` and ``weight`` belong to
    the vote; they are only carried."""

    target: str
    source: str
    negatives: dict = field(default_factory=lambda: {"from": "labels"})
    file: str | None = None
    columns: dict | None = None
    only: dict | None = None
    top_k: int | None = None
    weight: str | None = None

    @classmethod
    def from_config(cls, name, entry):
        """Return a task; raise ConfigError naming a key that does not exist or a source that is none."""
        task = from_section(cls, entry, f"tasks.{name}")
        if task.source not in SOURCES and not task.source.startswith("tables/"):
            expected = f"{', '.join(SOURCES)} or tables/NAME with a file"
            raise ConfigError("no such source", item=f"tasks.{name}.source", expected=expected, got=task.source)
        return task

    def matched(self, name):
        """Return the settings of its negatives."""
        return Negatives.from_config(self.negatives, f"tasks.{name}.negatives")


def lines_missing(config, name=None):
    """Return the key of ``catalogs.files`` without which there are no line classes, None where nothing is missing."""
    files = config["catalogs"]["files"]
    if not files.get("galspecextra"):
        return "catalogs.files.galspecextra"
    none = not files.get("portsmouth_boss") and not files.get("portsmouth_legacy")
    return "catalogs.files.portsmouth_boss and portsmouth_legacy" if none else None


def _silo_missing(config, name):
    return None if config["catalogs"]["files"].get("silo") else "catalogs.files.silo"


def _outliers_missing(config, name):
    return None if config.get("outliers") else "outliers"


def _table_missing(config, name):
    return None if config["tasks"][name].get("file") else f"tasks.{name}.file"


SOURCES = {"bpt": lines_missing, "silo": _silo_missing, "outliers": _outliers_missing}


def active_tasks(config):
    """Return the entries of ``tasks`` whose catalogue is configured; log the key that leaves another one out.

    Parameters
    ----------
    config : dict
        The whole configuration: its keys tasks, catalogs.files and outliers are read.
    """
    active = {}
    for name, entry in config["tasks"].items():
        if entry is None:
            logger.info("task %s is left out: tasks.%s is null", name, name)
            continue
        source = Task.from_config(name, entry).source
        missing = SOURCES.get(source, _table_missing)(config, name)
        if missing:
            logger.info("task %s is left out: %s is null", name, missing)
        else:
            active[name] = entry
    return active


def targets(tasks):
    """Return {catalogue: label} of the tasks' sources, the line classes aside; raise ConfigError if two disagree."""
    found = {}
    for name, entry in tasks.items():
        source, target = entry["source"], entry["target"]
        if source != "bpt" and found.setdefault(source, target) != target:
            raise ConfigError(f"{source} already gives {found[source]}", item=f"tasks.{name}.target", got=target)
    return found


def user_tables(tasks):
    """Return {catalogue: {"file": ..., "columns": ..., "only": ...}} of the tasks with a table of their own."""
    own = {entry["source"]: entry for entry in tasks.values() if entry["source"].startswith("tables/")}
    return {
        source: {"file": entry["file"], "columns": entry.get("columns"), "only": entry.get("only")}
        for source, entry in own.items()
    }
