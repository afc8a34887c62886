# Names that the rules share, all from the configuration: the whole DAG follows from it.
from pathlib import Path

from galspec_core.catalogs.tasks import active_tasks
from galspec_core.config import check_config
from galspec_core.provenance import code_hash
from galspec_core.sas import is_url

check_config(config)

SHARDS = [f"{i:04d}" for i in range(config["spectra"]["n_shards"])]
METHODS = config["search"]["methods"]
GRID_OF = {name: entry["grid"] for name, entry in config["encoders"].items()}
METHOD_GRIDS = sorted({GRID_OF[method] for method in METHODS})
TRAINED = [m for m in METHODS if config["encoders"][m]["kind"] != "pca"]
CATALOGS = {**config["catalogs"]["files"], "outliers": config["outliers"]}
CATALOGS = {name: where for name, where in CATALOGS.items() if where is not None}
TASKS = active_tasks(config["tasks"], CATALOGS)
VOTED = [*TASKS, "classes"]


wildcard_constraints:
    shard=r"\d{4,}",
    catalog="|".join(CATALOGS),
    encoder="|".join(config["encoders"]),
    grid="|".join(config["spectra"]["grids"]),
    task="|".join(VOTED),


def code(rule_name):
    """Hash the script of a rule and all it imports, so that an edit re-runs the rule and what follows."""
    return code_hash(Path(workflow.basedir) / "workflow_scripts" / f"{rule_name}.py")


def unrecorded(value):
    """Pass a setting that does not re-run the rule when it changes (Snakemake ignores params that ask for threads)."""
    return lambda wildcards, threads: value


def catalog_place(catalog):
    """Return the URL or path of a catalogue: names in catalogs.files are below the SAS root unless they start at / or ./"""
    where = CATALOGS[catalog]
    if is_url(where) or catalog == "outliers" or where.startswith(("/", "./")):
        return where
    return f"{str(config['sas']).rstrip('/')}/{where}"


def catalog_file(wildcards):
    """Return the file of a catalogue: on this machine as it is, from a server once it lies in data/."""
    place = catalog_place(wildcards.catalog)
    return f"data/catalogs/{wildcards.catalog}" if is_url(place) else place
