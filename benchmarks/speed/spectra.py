"""Spectra to measure with: smooth continua, emission lines and noise on a grid of config.yaml."""

from pathlib import Path

import numpy as np
import yaml

from galspec_core.spectra.grid import Grid
from galspec_core.spectra.shard import Gridded, write_gridded

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
LINES = (3728.5, 4862.7, 5008.2, 6564.6, 6585.3)  # Angstrom, vacuum
HIGHEST_Z = 0.4


def entry_of(encoder):
    """Return the entry of an encoder and of its grid in config.yaml."""
    entry = CONFIG["encoders"][encoder]
    return entry, CONFIG["spectra"]["grids"][entry["grid"]]


def make_spectra(n, grid, seed=0):
    """Return a Gridded of ``n`` spectra of S/N 10 on a grid, a dict of config.yaml."""
    rng = np.random.default_rng(seed)
    wave = Grid(**grid).wavelengths
    z = rng.uniform(0.02, HIGHEST_Z, n).astype("f4")
    rest = wave / (1 + (z[:, None] if grid["frame"] == "observed" else 0))
    slope, strength = rng.normal(-1, 0.5, (n, 1)), rng.lognormal(-1.5, 0.8, (n, len(LINES)))
    flux = (rest / 5500) ** slope
    for line, height in zip(LINES, strength.T, strict=True):
        flux += height[:, None] * np.exp(-0.5 * ((rest / line - 1) * 2000) ** 2)
    flux += 0.1 * rng.standard_normal(flux.shape)
    ivar = np.full(flux.shape, 100.0)
    ivar[rng.random(flux.shape) < 0.02] = 0
    return Gridded(np.arange(n, dtype="u8") + 1, z, flux.astype("f4"), ivar.astype("f4"))


def make_shards(n, grid, folder, rows=1000):
    """Write so many spectra as shards and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    everything, paths = make_spectra(n, grid), []
    for start in range(0, n, rows):
        paths.append(folder / f"{start // rows:04d}.parquet")
        write_gridded(paths[-1], everything[start : start + rows])
    return paths
