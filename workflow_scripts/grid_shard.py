"""Normalise the spectra of one shard and resample them to a grid."""

from galspec_core.job import job
from galspec_core.spectra.prepare import PrepareConfig, grid_from_config, grid_shard
from galspec_core.spectra.reject import write_rejected
from galspec_core.spectra.shard import write_gridded

with job(snakemake):
    name = snakemake.wildcards.grid
    grid = grid_from_config(name, snakemake.params.grid)
    config = PrepareConfig(**snakemake.params.settings)
    gridded, rejected = grid_shard(snakemake.input.native, name, grid, config)
    write_gridded(snakemake.output.gridded, gridded)
    write_rejected(snakemake.output.rejected, rejected)
