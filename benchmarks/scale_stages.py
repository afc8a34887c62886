"""One stage of the workflow in a process of its own: its real script, with inputs and outputs in one folder.

python -m benchmarks.scale_stages STAGE FOLDER ROWS
"""

import logging
import runpy
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.scale_catalogs import make_catalogs
from benchmarks.scale_vectors import clustered
from galspec_core.catalogs.tasks import targets
from galspec_core.config import load_config
from galspec_core.files import write_csv
from galspec_core.spectra.reject import write_rejected
from galspec_core.spectra.shard import list_shards

ROOT = Path(__file__).parents[1]
CATALOGS = ("galspecextra", "portsmouth_boss", "portsmouth_legacy", "silo", "outliers")
SHARD_ROWS, DIMENSION, ASKED, MEMORY_GB = 1000, 128, 30, 0.4  # one of ASKED spectra is voted on
LABELS = ("SF", "Composite", "LINER", "Normal")


class Files(list):
    """A list of files, some of which have a name, as a script of Snakemake sees it."""

    def __init__(self, *values, **named):
        flat = [v for value in named.values() for v in (value if isinstance(value, list) else [value])]
        super().__init__([*values, *flat])
        self.__dict__ = named

    def __getitem__(self, key):
        return self.__dict__[key] if isinstance(key, str) else super().__getitem__(key)


class Named(SimpleNamespace):
    """Values by name, as a script of Snakemake sees its params and wildcards."""

    def items(self):
        """Return names and values."""
        return vars(self).items()


def run_named(stages):
    """Run the stage that the command line names, in the folder and at the size that follow, without a word."""
    warnings.simplefilter("ignore")
    logging.getLogger("galspec").setLevel(logging.WARNING)
    stages[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))


def config():
    """Return the paper's settings, but with everything drawn that can be."""
    settings = load_config([ROOT / "config.yaml"])
    settings["catalogs"]["sample"] |= {"n_pretrain": "all", "labelled": {}}
    settings["catalogs"]["outlier_columns"] = {"plate": "plate", "mjd": "mjd", "fiberid": "fiberid", "subtype": "class"}
    return settings


def run(name, folder, inputs, outputs, params, **wildcards):
    """Run the script of a rule."""
    scripts = ROOT / "workflow_scripts"
    made = SimpleNamespace(
        rule=name, input=inputs, output=outputs, params=Named(**params), wildcards=Named(**wildcards), config={},
        log=[str(folder / "log")], threads=1, scriptdir=str(scripts),
    )  # fmt: skip
    runpy.run_path(str(scripts / f"{name}.py"), init_globals={"snakemake": made})


def read(folder, name):
    """Read one catalogue."""
    settings = config()["catalogs"]
    columns = settings["outlier_columns"] if name == "outliers" else None
    source = folder / ("outliers.csv" if name == "outliers" else f"{name}.fits")
    run(
        "read_catalog",
        folder,
        Files(str(source)),
        Files(str(folder / f"{name}.parquet")),
        {"columns": columns},
        catalog=name,
    )


def select(folder, rows):
    """Cut the catalogue down."""
    outputs = Files(selected=str(folder / "selected.parquet"), dropped=str(folder / "dropped_by_selection.csv"))
    run(
        "select_galaxies",
        folder,
        Files(str(folder / "specobj.parquet")),
        outputs,
        {"settings": config()["catalogs"]["select"]},
    )


def match(folder, rows):
    """Match the label catalogues."""
    settings = config()
    catalogs = [str(folder / f"{name}.parquet") for name in CATALOGS]
    outputs = {"labels": "labels.parquet", "agreement": "agreement.csv", "dropped": "dropped_by_labels.csv"}
    outputs = Files(**{key: str(folder / name) for key, name in (outputs | {"unmatched": "unmatched.csv"}).items()})
    keys = ("lens_grades", "lens_target", "labels", "strong_liner")
    labels = {key: settings["catalogs"][key] for key in keys}
    params = {"settings": labels, "names": CATALOGS, "targets": targets(settings["tasks"])}
    run("match_labels", folder, Files(catalogs=catalogs, selected=str(folder / "selected.parquet")), outputs, params)


def sample(folder, rows):
    """Draw the sample into shards of at most SHARD_ROWS."""
    settings = config()
    (folder / "shards").mkdir(exist_ok=True)
    inputs = {key: str(folder / f"{key}.parquet") for key in ("selected", "labels")}
    inputs["dropped"] = [str(folder / f"dropped_by_{name}.csv") for name in ("selection", "labels")]
    shards = [str(folder / f"shards/{i:04d}.csv") for i in range(-(-rows // SHARD_ROWS))]
    outputs = {key: str(folder / f"{key}.parquet") for key in ("manifest", "roles")}
    outputs = Files(**outputs, dropped=str(folder / "dropped.csv"), shards=shards)
    drawn = {key: value for key, value in settings["catalogs"]["sample"].items() if key != "query"}
    run("draw_sample", folder, Files(**inputs), outputs, {"settings": drawn, "tasks": settings["tasks"]})


def entries(folder, rows):
    """Write embeddings of ``rows`` spectra, and a sample in which all but one of ASKED fill the knowledge base."""
    from galspec_core.encoder.embed import write_embedding  # torch is no part of the other stages

    (folder / "embedding").mkdir(exist_ok=True)
    ids = np.arange(rows, dtype="u8") + np.uint64(2**63)
    for start in range(0, rows, 10 * SHARD_ROWS):
        part = ids[start : start + 10 * SHARD_ROWS]
        write_embedding(folder / f"embedding/{start:08d}.parquet", part, clustered(start, len(part), DIMENSION))
    rng = np.random.default_rng(0)
    role = np.where(np.arange(rows) % ASKED == 0, "test", "knowledge_base")
    label = np.array(LABELS)[rng.integers(len(LABELS), size=rows)]
    words = {"task": "liner", "seed": np.zeros(rows, "i4"), "role": role, "label": label, "subtype": ""}
    words = {key: value if isinstance(value, np.ndarray) else np.full(rows, value) for key, value in words.items()}
    pq.write_table(pa.table({"specobjid": ids, **words}), folder / "kb_roles.parquet")
    places = {name: rng.random(rows) for name in ("ra", "dec", "z", "snr")} | {
        "position": ids,
        "run2d": pa.repeat("26", rows),
    }
    names = {name: np.arange(rows, dtype="i4") for name in ("plate", "mjd", "fiberid")}
    pq.write_table(pa.table({"specobjid": ids, **names, **places}), folder / "kb_manifest.parquet")
    write_csv(list_shards(sorted((folder / "embedding").glob("*.parquet"))), folder / "embedding/shards.csv")
    write_rejected(folder / "rejected.csv", [])


def _inputs(folder):
    named = {"roles": "kb_roles.parquet", "manifest": "kb_manifest.parquet", "rejected": "rejected.csv"}
    return {key: str(folder / name) for key, name in named.items()} | {
        "embeddings": str(folder / "embedding/shards.csv")
    }


def build(folder, rows):
    """Build the knowledge base."""
    search = config()["search"]
    index = {key: search[key] for key in ("index", "recall")} | {"memory_gb": MEMORY_GB}
    outputs = Files(index=str(folder / "kb/index.faiss"))
    run(
        "build_knowledge_base",
        folder,
        Files(**_inputs(folder)),
        outputs,
        {"index": index},
        task="liner",
        encoder="scale",
    )


def vote(folder, rows):
    """Vote on one of ASKED spectra."""
    settings, inputs = config(), _inputs(folder)
    keys = ("top_k", "weight", "epsilon", "normalise", "scale", "unknown")
    search = {key: settings["search"][key] for key in keys}
    params = {"task": {"target": "LINER"}, "methods": ["scale"]}
    inputs = Files(**inputs | {"embeddings": [inputs["embeddings"]]}, bases=[str(folder / "kb/index.faiss")])
    run(
        "vote_task",
        folder,
        inputs,
        Files(str(folder / "votes.parquet")),
        params | {"settings": search, "learnt": None},
        task="liner",
    )


STAGES = {
    "make catalogues": make_catalogs,
    **{f"read {name}": lambda folder, rows, name=name: read(folder, name) for name in ("specobj", *CATALOGS)},
    "select_galaxies": select,
    "match_labels": match,
    "draw_sample": sample,
    "make embeddings": entries,
    "build_knowledge_base": build,
    "vote_task": vote,
}


if __name__ == "__main__":
    run_named(STAGES)
