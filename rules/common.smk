# Names that the rules share, all from the configuration: the whole DAG follows from it.
import atexit
import gc
import os
import re
from pathlib import Path
from types import SimpleNamespace

from galspec_core.baselines.kinds import check_systems, family, module_path, resolve
from galspec_core.catalogs.roles import ALL_CLASSES, THREE_CLASSES
from galspec_core.catalogs.tasks import active_tasks, lines_missing, targets, user_tables
from galspec_core.config import check_config
from galspec_core.cost import say_cost
from galspec_core.faults import check_folder
from galspec_core.plan import write_plan
from galspec_core.provenance import code_hash
from galspec_core.sas import is_url
from galspec_core.terminal import show_bars

gc.set_threshold(100_000, 50, 100)  # a plan is a million small objects that stay: look for rubbish less often
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # of jobs: a thread that spins takes the core of the job beside it

check_config(config)
check_systems(config)
check_folder()
atexit.register(say_cost, workflow, config)

SHARDS = [f"{i:04d}" for i in range(config["spectra"]["n_shards"])]
METHODS = config["search"]["methods"]
ARCHIVE = "simulated" if config["mock"] else config["survey"]  # whose pages know the spectra
MOCK = {key: value for key, value in (config["mock"] or {}).items() if key != "query"}
SAMPLE = {key: value for key, value in config["catalogs"]["sample"].items() if key != "query"}
N_QUERY = (config["mock"] or config["catalogs"]["sample"]).get("query") or 0
QUERY_SHARDS = [f"{len(SHARDS) + i:04d}" for i in range(config["spectra"]["query_shards"])] if N_QUERY else []
ENCODERS, GRIDS = list(config["encoders"]), list(config["spectra"]["grids"])
GRID_OF = {name: entry["grid"] for name, entry in config["encoders"].items()}
TRAINED = [m for m in METHODS if "training" in config["encoders"][m]]
USES_GPU = int(config["encoder"]["device"] != "cpu")
GPUS, NODES = config["encoder"]["gpus"], config["encoder"]["nodes"]
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
FEATURES = {
    "nuisance": "results/baselines/nuisance.parquet",
    "lines": "results/catalogs/labels.parquet",
}
FETCH_KEYS = ("fetch", "max_rejected", "max_rejected_floor")
VOTE_KEYS = ["top_k", "weight", "epsilon", "normalise", "scale", "unknown"]
INDEX_KEYS = ["index", "memory_gb", "recall"]
SEEDS = config["catalogs"]["sample"]["seeds"]
SYSTEMS = {name: resolve(entry, config) for name, entry in config["baselines"]["systems"].items()}
SYSTEM_FAMILY = {name: family(entry) for name, entry in SYSTEMS.items()}
ON_LABELS = [name for name, way in SYSTEM_FAMILY.items() if way == "supervised"]
BUSY = [*ON_LABELS, *(name for name, entry in SYSTEMS.items() if "forest" in entry["kind"])]  # use two threads well
IN_TABLE2, IN_TABLE4, IN_CLASSES, IN_SYSTEMS = (
    config["baselines"][f"in_{name}"] for name in ("table2", "table4", "classes", "systems")
)
COMPARED = list(dict.fromkeys([*IN_CLASSES, *IN_TABLE4, *IN_SYSTEMS]))
NOTES = {name: entry.get("note") for name, entry in {**config["encoders"], **SYSTEMS}.items()}
USED_GRIDS = {GRID_OF[method] for method in METHODS}
USED_GRIDS |= {SYSTEMS[name]["grid"] for name in [*IN_TABLE2, *COMPARED] if "grid" in SYSTEMS[name]}
CASE = config["figures"]["case"]
SHOWN = config["figures"]["encoder"]
FRAMEWORK_KEYS = ["catalogs", "outliers", "spectra", "encoders", "search", "tasks"]
DISTANCES = config["figures"]["distances"]
FAILURES = config["figures"]["failures"]
OUTLIERS = config["figures"]["outlier_task"]
SWEEP_OF = {
    "fig4": "target_share",
    "fig5": "top_k",
    "fig_base_size": "base_size",
    "fig_wrong_labels": "wrong_labels",
}
SWEEP_TASKS = {name: list(TASKS) for name in config["search"]["sweeps"]}
SWEEP_TASKS["target_share"] = [task for task in TASKS if task == config["figures"]["fig4_task"]] or list(TASKS)[:1]
FIGURES = [*SWEEP_OF, *(f"fig{i}" for i in (1, 2, 3)), "fig_a1", "fig_b1", "fig_c1", "neighbours", "fig_calibration"]
TABLES = ["table1", "table3", "table4", "classes", "systems", "differences", "table_a1", "table_b2"]
TABLES += [
    "cross_validation",
    "cross_validation_differences",
    "calibration",
    "consistency",
    "parameters",
    "few_examples",
]
TABLES += ["ranking", "ranking_differences"]
FIGURES.append("fig_few_examples")
if not lines_missing(config):
    TABLES.append("table2")
    FIGURES.append("fig_stress")
if OUTLIERS in TASKS:
    TABLES += ["table_b1", "outlier_subtypes", "outlier_ranking"]
FEW = config["search"]["few_examples"]
OUTLIER_SCORES = [name for name in IN_SYSTEMS if SYSTEM_FAMILY[name] == "score"]
QUANTITIES = {
    name: {**entry, "from": kept}
    for name, entry in config["search"]["parameters"]["columns"].items()
    if (kept := [place for place in entry["from"] if place in PLACES or place not in BELOW_SAS])
}
PAGE = config["figures"]["neighbours"]
CHECK = config["search"]["redshift_check"]
if CHECK["encoder"] in METHODS:
    TABLES.append("wrong_redshifts")
LENS = config["figures"]["fig4_task"]
FINDER = config["search"]["finders"]["encoder"]
FINDERS = [f"results/search/{LENS}/finders.parquet"] if LENS in TASKS else []  # votes of finders that learn no labels
COMPLETE = config["figures"]["completeness"]
STUDIED = config["figures"]["evidence"]


def answer_key():
    """Return the answer key of a survey whose answers are known as a list of one file, empty for any other survey."""
    named, sas = config["search"]["truth"], config["sas"]
    if named != "beside sas":
        return [named] if named else []
    beside = Path(sas).parent / "truth.csv"
    return [str(beside)] if not is_url(sas) and beside.exists() else []


ANSWERS = answer_key()
WITH_TABLE = [
    name for name, entry in TASKS.items() if entry["source"] not in ("bpt", "silo")
]  # rows that a person wrote
CANDIDATES = config["search"]["candidates"]
RANKS_BY = CANDIDATES["method"]
SCORED_SHARDS = [*SHARDS, *(QUERY_SHARDS if CANDIDATES["query"] else [])]
SCORED_MANIFESTS = [f"results/catalogs/{name}.parquet" for name in ["manifest"] + ["query"] * (SCORED_SHARDS != SHARDS)]
PAGES = {
    name: sorted(Path(workflow.basedir).glob(f"galspec_core/figures/pages/{name}/*")) for name in ("vetting", "map")
}
KNOWS_LINES = [f"results/encoder/{RANKS_BY}/weights.safetensors"] * (config["encoders"][RANKS_BY]["kind"] == "factors")
FIGURES += ["fig_evidence"] * bool(FINDERS) + ["fig_completeness"] * bool(FINDERS and ANSWERS)


onstart:
    write_plan(workflow, log)
    show_bars(sum(1 for _ in workflow.dag.needrun_jobs()))


localrules:  # on a cluster they run where Snakemake does: seconds each
    count_roles,
    plot_architecture,
    plot_distances,
    plot_few_examples,
    plot_framework,
    plot_history,
    plot_reliability,
    plot_search_time,
    plot_stress,
    plot_sweep,


wildcard_constraints:
    shard=r"\d+",
    catalog="|".join(map(re.escape, PLACES)),
    encoder="|".join(ENCODERS),
    grid="|".join(GRIDS),
    task="|".join([*TASKS, ALL_CLASSES, THREE_CLASSES]),
    system="|".join(SYSTEMS),
    seed=r"\d+",
    sweep="|".join(config["search"]["sweeps"]),
    stage="|".join([*(f"spectra/{grid}" for grid in GRIDS), *(f"encoder/{encoder}/embedding" for encoder in ENCODERS)]),
    sweep_figure="|".join(SWEEP_OF),


def code(rule_name, *files):
    """Hash the script of a rule, all it imports and ``files`` it reads, so that an edit re-runs the rule and what follows."""
    return code_hash(Path(workflow.basedir) / "workflow_scripts" / f"{rule_name}.py", *files)


def one_of(names):
    """Return a pattern that fits these names, and nothing where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def unrecorded(value):
    """Pass a setting that does not re-run the rule when it changes (Snakemake records no params that ask for threads)."""
    return lambda wildcards, threads: value


def more(amount):
    """Return a resource that grows with every attempt: a job killed for want of it asks for more the next time."""
    return lambda wildcards, attempt: amount * attempt


def training_on(several, value):
    """Return what a training asks of SLURM where it runs on ``several`` GPUs or nodes; None is not asked for."""
    return lambda wildcards: value if several and wildcards.encoder in TRAINED else None


def sas_of(wildcards, threads):
    """Return the SAS root of a shard: simulated query spectra have one of their own; not recorded, as above."""
    return "data/mock/query/sas" if config["mock"] and wildcards.shard in QUERY_SHARDS else str(config["sas"])


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


def system_code(rule_name):
    """Return a function that hashes the script of a rule with the module of the system's kind."""
    script = Path(workflow.basedir) / "workflow_scripts" / f"{rule_name}.py"
    return lambda wildcards: code_hash(script, module_path(SYSTEMS[wildcards.system]))


def tasks_of(system):
    """Return the tasks that a system takes part in: those of the tables that list it."""
    several = [THREE_CLASSES] * (system in IN_TABLE2) + [ALL_CLASSES] * (system in IN_CLASSES)
    return several + list(TASKS) * (system in IN_TABLE4 or system in IN_SYSTEMS)


def seeds_of(system):
    """Return the seeds of a system: its own where it has some, else the sample's."""
    return SYSTEMS[system].get("seeds", SEEDS)


def system_shards(wildcards):
    """Return the gridded shards that a system reads."""
    return expand("results/spectra/{grid}/{shard}.parquet", grid=SYSTEMS[wildcards.system]["grid"], shard=SHARDS)


def system_inputs(wildcards):
    """Return what a system needs to vote: its table, its embedding, or its shards and the weights of its networks."""
    system, entry = wildcards.system, SYSTEMS[wildcards.system]
    if "features" in entry:
        return {"table": FEATURES[entry["features"]]}
    if "of" in entry or SYSTEM_FAMILY[system] == "network":
        return {"embedding": f"results/baselines/{entry.get('of', system)}/embedding.parquet"}
    inputs = {"shards": system_shards(wildcards)}
    if SYSTEM_FAMILY[system] == "supervised":
        inputs["weights"] = expand(
            "results/baselines/{system}/{task}/{seed}/weights.safetensors",
            system=system,
            task=tasks_of(system),
            seed=seeds_of(system),
        )
    return inputs


def trainings(names, tasks):
    """Return {history.csv: (method, steps)} of every network that was trained for the methods ``names`` of some tasks."""
    found = {}
    for name in names:
        entry = config["encoders"].get(name) or SYSTEMS[name]
        if "training" not in entry:
            continue
        folders = [f"results/{'encoder' if name in config['encoders'] else 'baselines'}/{name}"]
        if SYSTEM_FAMILY.get(name) == "supervised":
            folders = [f"{folders[0]}/{task}/{seed}" for task in tasks for seed in seeds_of(name)]
        found |= {f"{folder}/history.csv": (name, entry["training"]["steps"]) for folder in folders}
    return found


def quantity_files(entry):
    """Return the files that a quantity of search.parameters is read from."""
    own = {name: f"results/catalogs/{name}.parquet" for name in ("manifest", "labels")}
    catalogs = {name: catalog_file(SimpleNamespace(catalog=name)) for name in PLACES}
    return [{**catalogs, **own}.get(place, place) for place in entry["from"]]
