"""A finished run of ninety simple galaxies, made in seconds by the scripts of the workflow without Snakemake."""

import os
import runpy
from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from astropy.io import fits

from galspec_core.config import load_config
from galspec_core.files import write_parquet
from galspec_core.job import job
from galspec_core.paths import spec_path

ROOT = Path(__file__).parents[1]
CONFIG = load_config([ROOT / "config.yaml"])
SPECTRA, SEARCH = CONFIG["spectra"], CONFIG["search"]
N, PIXELS, LOGLAM0, SEEDS = 90, 3900, 3.58, [0, 1]
GRID = {"frame": "rest", "spacing": "log", "wave": [3700.0, 6800.0], "pixels": 2644, "interpolation": "nearest"}
GRID |= {"fill": "edge", "min_coverage": 0.5}
COARSE = {
    **GRID,
    "frame": "observed",
    "spacing": "linear",
    "wave": [3900.0, 9000.0],
    "pixels": 400,
    "interpolation": "linear",
}
GRIDS = {"rest": GRID, "coarse": COARSE}
ENCODERS = {
    "galspec": {
        "kind": "factors",
        "grid": "rest",
        "components": 2,
        "populations": 1,
        "iterations": 2,
        "fit_spectra": 90,
    },
    "pca": {"kind": "pca", "grid": "coarse", "components": 4},
}
LINES = {4862.68: 0, 5008.24: 1, 6564.61: 2, 6585.27: 3}  # vacuum Angstrom, and its place among the heights
HEIGHTS = {"SF": (0.6, 0.5, 1.8, 0.6), "LINER": (0.2, 0.5, 0.7, 0.8), "Normal": (0.0, 0.0, 0.0, 0.0)}
TURN = (0, 1, 2, 2, 0, 2, 1, 2, 2, 2)  # most have no lines: what stands under lines is learnt from these
SLOPE = {"SF": -0.4, "LINER": 0.2, "Normal": 0.5}
LEARNT = {"methods": ["galspec"], "trees": 30, "seen": 0.8, "min_leaf": 1, "balance": 0.5, "shown": 5}
VOTE = {key: SEARCH[key] for key in ("top_k", "weight", "epsilon", "normalise", "scale", "unknown")}
TASKS = {"classes": {}, "liner": {"target": "LINER", "source": "bpt", "negatives": {"from": "labels"}}}


class Named(list):
    """Files or settings of a job, by name and in order, as Snakemake hands them to a script."""

    def __init__(self, **named):
        super().__init__()
        self.named = named
        for name, value in named.items():
            setattr(self, name, value)
            self.extend(value if isinstance(value, list) else [value])

    def items(self):
        return self.named.items()


def asked(rule, inputs, outputs, wildcards=None, **params):
    """Return what a script of the workflow finds as ``snakemake``."""
    Path("logs").mkdir(exist_ok=True)
    log, wildcards = [f"logs/{rule}.log"], Named(**(wildcards or {}))
    return SimpleNamespace(
        rule=rule, input=Named(**inputs), output=Named(**outputs), params=Named(**params), wildcards=wildcards,
        log=log, threads=1, config={}, scriptdir=str(ROOT / "workflow_scripts"),
    )  # fmt: skip


def run_script(rule, *arguments, **params):
    """Run the script of a rule."""
    script = ROOT / "workflow_scripts" / f"{rule}.py"
    runpy.run_path(str(script), init_globals={"snakemake": asked(rule, *arguments, **params)})


def galaxies():
    """Return the table of all spectra: two thirds of them on the training side."""
    rng = np.random.default_rng(5)
    ids = np.arange(N, dtype="u8") * np.uint64(7) + np.uint64(2**63)
    return pd.DataFrame(
        {
            "specobjid": ids, "plate": 8200 + np.arange(N) // 30, "mjd": 57000, "fiberid": 1 + np.arange(N),
            "run2d": "v5_13_0", "ra": np.linspace(10, 200, N), "dec": 5.0, "z": np.round(rng.uniform(0.02, 0.18, N), 6),
            "snr": 20.0, "position": ids, "shard": "0000", "instrument": "BOSS",
            "side": np.where(np.arange(N) % 3, "training", "test"), "label": [list(HEIGHTS)[TURN[i % 10]] for i in range(N)],
        }
    )  # fmt: skip


def pixels_of(row):
    """Return flux and ivar of a galaxy: a slope, lines of its class, noise."""
    rng = np.random.default_rng(int(row.fiberid))
    wave = 10 ** (LOGLAM0 + 1e-4 * np.arange(PIXELS)) / (1 + row.z)
    flux = 10 * (wave / 5500) ** SLOPE[row.label]
    for centre, place in LINES.items():
        flux += (
            10
            * HEIGHTS[row.label][place]
            * rng.uniform(0.8, 1.2)
            * np.exp(-0.5 * ((wave - centre) / (centre * 5e-4)) ** 2)
        )
    return (flux + rng.normal(size=PIXELS) * 0.5).astype("f4"), np.full(PIXELS, 4.0, "f4")


def write_spec(path, row):
    """Write the spec-lite file of a galaxy."""
    flux, ivar = pixels_of(row)
    zeros = np.zeros(PIXELS, "i4")
    loglam = (LOGLAM0 + 1e-4 * np.arange(PIXELS)).astype("f4")
    columns = [("flux", "E", flux), ("loglam", "E", loglam), ("ivar", "E", ivar), ("and_mask", "J", zeros)]
    primary = fits.PrimaryHDU()
    primary.header.update(dict(PLATEID=row.plate, MJD=row.mjd, FIBERID=row.fiberid))
    facts = [("Z", "D", [row.z]), ("PLUG_RA", "D", [row.ra]), ("PLUG_DEC", "D", [row.dec])]
    tables = (
        fits.BinTableHDU.from_columns([fits.Column(n, kind, array=values) for n, kind, values in part], name=name)
        for name, part in (("COADD", columns), ("SPALL", facts))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([primary, *tables]).writeto(path)


def roles_of(table):
    """Return who does what: all of the training side pre-trains, most of it stands in a seed's knowledge base."""
    training, test = (table[table["side"] == side] for side in ("training", "test"))
    parts = [training.assign(task="", seed=-1, role="pretrain")]
    for task in TASKS:
        for seed in SEEDS:
            parts.append(
                training.sample(frac=0.9, random_state=seed).assign(task=task, seed=seed, role="knowledge_base")
            )
            parts.append(test.assign(task=task, seed=seed, role="test"))
    columns = ["specobjid", "task", "seed", "role", "label"]
    return pd.concat(parts, ignore_index=True)[columns].assign(subtype="")


def write_catalogs(table):
    """Write what the stage ``catalogs`` leaves behind."""
    manifest = "results/catalogs/manifest.parquet"
    with job(asked("draw_sample", {}, {"manifest": manifest}, settings={"link_arcsec": 1.5})):
        write_parquet(table.drop(columns="label"), manifest)
    write_parquet(table.drop(columns=["label", "shard", "side"]), "results/catalogs/selected.parquet")
    write_parquet(roles_of(table), "results/catalogs/roles.parquet")
    labels = table[["specobjid"]].assign(labels=[[word] for word in table["label"]], log_nii_ha=0.05, log_oiii_hb=0.3)
    write_parquet(labels, "results/catalogs/labels.parquet")
    Path("results/catalogs/shards").mkdir(parents=True)
    table[["specobjid", "plate", "mjd", "fiberid", "run2d", "z"]].to_csv(
        "results/catalogs/shards/0000.csv", index=False
    )


def make_finished_run(folder):
    """Make the run in an empty folder; return its table of spectra. The SAS tree is below it, as that of a simulated survey."""
    table = galaxies()
    with chdir(folder):
        for row in table.itertuples():
            write_spec(Path("data/mock/sas") / spec_path(row.run2d, row.plate, row.mjd, row.fiberid), row)
        write_catalogs(table)
        native = {"native": "data/spectra/0000.parquet", "rejected": "data/spectra/0000.rejected.csv"}
        run_script("fetch_shard", {"list": "results/catalogs/shards/0000.csv"}, native, {"shard": "0000"},
                   sas="data/mock/sas", settings=SPECTRA, survey="sdss")  # fmt: skip
        for name in GRIDS:
            make_grid(name, native["native"])
        os.replace("results/spectra/rest/0000.rejected.csv", "results/spectra/rejected.csv")
        for name, entry in ENCODERS.items():
            make_encoder(name, entry)
        for task, entry in TASKS.items():
            make_search(task, entry)
    return table


def make_grid(name, native):
    """Bring the spectra to a grid."""
    at = f"results/spectra/{name}"
    made = {"gridded": f"{at}/0000.parquet", "rejected": f"{at}/0000.rejected.csv"}
    keys = ("bad_mask_bits", "norm_window", "norm_min_good", "min_good_share", "max_rejected", "max_rejected_floor")
    words, settings = {"grid": name, "shard": "0000"}, {key: SPECTRA[key] for key in keys}
    run_script("grid_shard", {"native": native}, made, words, grid=GRIDS[name], settings=settings)
    run_script("list_shards", {"shards": [made["gridded"]]}, {"list": f"{at}/shards.csv"})


def make_encoder(name, entry):
    """Fit an encoder and embed the spectra with it."""
    at, run = f"results/encoder/{name}", CONFIG["encoder"]
    fitted = {key: f"{at}/{file}" for key, file in (("weights", "weights.safetensors"), ("config", "config.json"))}
    fitted["history"] = f"{at}/history.csv"
    grid = entry["grid"]
    before = {"roles": "results/catalogs/roles.parquet", "shards": f"results/spectra/{grid}/shards.csv"}
    run_script("pretrain_encoder", before, fitted, {"encoder": name}, entry=entry, grid=GRIDS[grid], run=run)
    embedded = f"{at}/embedding/0000.parquet"
    both = {"weights": fitted["weights"], "shard": f"results/spectra/{grid}/0000.parquet"}
    run_script("embed_shard", both, {"shard": embedded}, {"encoder": name, "shard": "0000"}, run=run)
    run_script("list_shards", {"shards": [embedded]}, {"list": f"{at}/embedding/shards.csv"})


def make_search(task, entry):
    """Build the knowledge bases of a task and let its test spectra be voted on."""
    before = {"roles": "results/catalogs/roles.parquet", "manifest": "results/catalogs/manifest.parquet"}
    before["rejected"] = "results/spectra/rejected.csv"
    bases = []
    for name in ENCODERS:
        at = f"results/search/{task}/knowledge_base/{name}"
        made = {"index": f"{at}/index.faiss", "metadata": f"{at}/metadata.parquet", "config": f"{at}/config.json"}
        listed, words = f"results/encoder/{name}/embedding/shards.csv", {"task": task, "encoder": name}
        index = {key: SEARCH[key] for key in ("index", "memory_gb", "recall")}
        run_script("build_knowledge_base", {**before, "embeddings": listed}, made, words, index=index)
        bases.append(made["index"])
    shards = [f"results/encoder/{name}/embedding/shards.csv" for name in ENCODERS]
    voted = {
        "votes": f"results/search/{task}/votes.parquet",
        "learnt": [f"results/search/{task}/learnt/galspec.safetensors"],
    }
    methods = list(ENCODERS)
    run_script("vote_task", {**before, "bases": bases, "embeddings": shards}, voted, {"task": task},
               task=entry, methods=methods, settings=VOTE, learnt=LEARNT)  # fmt: skip
