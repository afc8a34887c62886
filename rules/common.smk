# Names that the rules share, all from the configuration: the whole DAG follows from it.
import re
from pathlib import Path

from galspec_core.catalogs.tasks import active_tasks, targets, user_tables
from galspec_core.config import check_config
from galspec_core.provenance import code_hash
from galspec_core.sas import is_url

check_config(config)

SHARDS = [f"{i:04d}" for i in range(config["spectra"]["n_shards"])]
METHODS = config["search"]["methods"]
GRID_OF = {name: entry["grid"] for name, entry in config["encoders"].items()}
METHOD_GRIDS = sorted({GRID_OF[method] for method in METHODS})
TRAINED = [m for m in METHODS if config["encoders"][m]["kind"] != "pca"]
TASKS = active_tasks(config)
OWN_TABLES = user_tables(TASKS)
PLACES = {**config["catalogs"]["files"], "outliers": config["outliers"]}
PLACES |= {name: table["file"] for name, table in OWN_TABLES.items()}
PLACES = {name: place for name, place in PLACES.items() if place is not None}
BELOW_SAS = set(config["catalogs"]["files"])
LABEL_KEYS = ["lens_grades", "lens_target", "labels", "strong_liner"]
PREPARE_KEYS = [
    "bad_mask_bits",
    "norm_window",
    "norm_min_good",
    "min_good_share",
    "max_rejected",
    "max_rejected_floor",
]
VOTE_KEYS = ["top_k", "weight", "epsilon", "normalise", "scale"]
PAGE = config["figures"]["neighbours"]


wildcard_constraints:
    shard=r"\d+",
    catalog="|".join(map(re.escape, PLACES)),
    encoder="|".join(config["encoders"]),
    grid="|".join(config["spectra"]["grids"]),
    task="|".join([*TASKS, "classes"]),


def code(rule_name):
    """Hash the script of a rule and all it imports, so that an edit re-runs the rule and what follows."""
    return code_hash(Path(workflow.basedir) / "workflow_scripts" / f"{rule_name}.py")


def unrecorded(value):
    """Pass a setting that does not re-run the rule when it changes (Snakemake records no params that ask for threads)."""
    return lambda wildcards, threads: value


def catalog_place(wildcards):
    """Return the URL or path of a catalogue; names in catalogs.files are below the SAS root unless they are absolute."""
    place = PLACES[wildcards.catalog]
    if wildcards.catalog not in BELOW_SAS or is_url(place) or Path(place).is_absolute():
        return place
    return f"{str(config['sas']).rstrip('/')}/{place}"


def catalog_file(wildcards):
    """Return the file of a catalogue: where it is on this machine, or in data/ once fetched."""
    place = catalog_place(wildcards)
    return f"data/catalogs/{wildcards.catalog}" if is_url(place) else place


def catalog_columns(wildcards):
    """Return the names of a user's columns, None for the archive's own catalogues."""
    if wildcards.catalog == "outliers":
        return config["catalogs"]["outlier_columns"]
    return OWN_TABLES.get(wildcards.catalog, {}).get("columns")
