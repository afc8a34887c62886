"""The stages that touch pixels, on simulated spectra under many names: one shard after another, as the jobs of a run.

python -m benchmarks.scale_pixels STAGE FOLDER SPECTRA
"""

import os

import numpy as np
import pandas as pd
from astropy.io import fits

from benchmarks.scale_stages import ROOT, SHARD_ROWS, run_named
from galspec_core.config import load_config
from galspec_core.encoder.embed import FIT, embed_shard, load_encoder
from galspec_core.mock.galaxy import instrument_of, make_galaxy, observe
from galspec_core.mock.plan import MockConfig, make_plans
from galspec_core.mock.spec_lite import write_spec_lite
from galspec_core.sas import FetchConfig, open_root, spec_path
from galspec_core.spectra.fetch import fetch_shard, forget_partial, read_targets, write_shard
from galspec_core.spectra.prepare import PrepareConfig, grid_from_config, grid_shard
from galspec_core.spectra.reject import write_rejected
from galspec_core.spectra.shard import ROWS_PER_GROUP, gridded_ids, write_gridded

TEMPLATES = ROWS_PER_GROUP  # spectra that are simulated: none stands twice in what is compressed together
FIT_SHARDS = 3  # shards that an encoder is fitted on: that cost does not grow with the survey
ENCODERS = ("pca", "galspec")  # of search.methods, those that need no GPU
PREPARE = ("bad_mask_bits", "norm_window", "norm_min_good", "min_good_share", "max_rejected", "max_rejected_floor")
CONFIG = load_config([ROOT / "config.yaml"])
RUN = CONFIG["encoder"] | {"torch_threads": 1, "device": "cpu"}


def make(folder, n):
    """Simulate a few spectra and name each of them many times: a SAS tree and a list for every shard."""
    plans = [plan for plan in make_plans(MockConfig(2 * TEMPLATES)) if not plan.spoil][:TEMPLATES]
    for i, plan in enumerate(plans):
        seen, instrument = observe(plan, make_galaxy(plan)), instrument_of(plan)
        path = folder / f"templates/{i}.fits"
        write_spec_lite(path, plan, seen, instrument, {"PLATE": plan.plate})
        for key in ("PLATEID", "MJD", "FIBERID"):  # no name of its own: it stands for many
            fits.delval(path, key)
    row = np.arange(n)
    plate, fibre, template = 300 + row // SHARD_ROWS, row % SHARD_ROWS + 1, row % len(plans)
    ids = (plate.astype("u8") << np.uint64(50)) | (fibre.astype("u8") << np.uint64(38))
    z = np.array([plan.z for plan in plans])[template]
    lists = pd.DataFrame({"specobjid": ids, "plate": plate, "mjd": 52_000, "fiberid": fibre, "run2d": "26", "z": z})
    (folder / "shards").mkdir()
    for number, part in lists.groupby(plate - 300):
        part.to_csv(folder / f"shards/{number:04d}.csv", index=False)
        for own, i in zip(part.itertuples(), template[part.index], strict=True):
            path = folder / "sas" / spec_path(own.run2d, own.plate, own.mjd, own.fiberid)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(folder / f"templates/{i}.fits", path)


def _each(folder, source, *targets):
    """Yield the files of each shard: source, targets."""
    for target in targets:
        (folder / target).mkdir(parents=True, exist_ok=True)
    for path in sorted((folder / source).glob("[0-9]*[0-9].*")):
        yield path, *(folder / target / f"{path.stem}.parquet" for target in targets)


def fetch(folder, n):
    """Bring every shard from the SAS tree onto native pixels."""
    settings, root = CONFIG["spectra"], open_root(folder / "sas")
    for listed, native in _each(folder, "shards", "native"):
        targets, partial = read_targets(listed), folder / "partial" / listed.stem
        limits = (settings["max_rejected"], settings["max_rejected_floor"])
        found, rejected = fetch_shard(targets, root, FetchConfig(**settings["fetch"]), partial, listed.stem, *limits)
        write_shard(native, found, targets)
        write_rejected(native.with_suffix(".csv"), rejected)
        forget_partial(partial)


def grid(folder, name):
    """Normalise every shard and resample it to one grid."""
    config = PrepareConfig(**{key: CONFIG["spectra"][key] for key in PREPARE})
    kind = grid_from_config(name, CONFIG["spectra"]["grids"][name])
    for native, gridded in _each(folder, "native", name):
        if native.suffix == ".parquet":
            write_gridded(gridded, grid_shard(native, name, kind, config)[0])


def fit(folder, name):
    """Fit an encoder on the first shards."""
    entry = CONFIG["encoders"][name]
    shards = [path for (path,) in _each(folder, entry["grid"])][:FIT_SHARDS]
    ids = np.concatenate([gridded_ids(path) for path in shards])
    (folder / "encoder" / name).mkdir(parents=True)
    weights, history = (folder / "encoder" / name / file for file in ("weights.safetensors", "history.csv"))
    grid_entry = CONFIG["spectra"]["grids"][entry["grid"]]
    FIT[entry["kind"]](entry, RUN, grid_entry, shards, ids, ids[:100], folder, weights, history, name)


def embed(folder, name):
    """Embed every shard."""
    encoder = load_encoder(folder / "encoder" / name / "weights.safetensors", RUN)
    for gridded, out in _each(folder, CONFIG["encoders"][name]["grid"], f"embedding/{name}"):
        embed_shard(encoder, gridded, out, name)


PIXEL_STAGES = {
    "make spectra": make,
    "fetch_shard": fetch,
    **{f"grid_shard {name}": lambda folder, n, name=name: grid(folder, name) for name in CONFIG["spectra"]["grids"]},
    **{f"fit {name}": lambda folder, n, name=name: fit(folder, name) for name in ENCODERS},
    **{f"embed_shard {name}": lambda folder, n, name=name: embed(folder, name) for name in ENCODERS},
}


if __name__ == "__main__":
    run_named(PIXEL_STAGES)
