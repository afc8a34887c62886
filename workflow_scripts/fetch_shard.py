"""Fetch the spectra of one shard, check each, and keep them on native pixels."""

from pathlib import Path

from galspec_core.job import job
from galspec_core.sas import FetchConfig, open_root
from galspec_core.spectra.fetch import fetch_shard, forget_partial, read_targets, write_shard
from galspec_core.spectra.reject import write_rejected

with job(snakemake):
    settings = snakemake.params.settings
    partial = Path("data/spectra/partial") / snakemake.wildcards.shard
    targets = read_targets(snakemake.input[0])
    native, rejected = fetch_shard(
        targets,
        open_root(snakemake.params.sas),
        FetchConfig(**settings["fetch"]),
        partial,
        snakemake.wildcards.shard,
        settings["max_rejected"],
        settings["max_rejected_floor"],
        snakemake.params.survey,
    )
    write_shard(snakemake.output.native, native, targets)
    write_rejected(snakemake.output.rejected, rejected)
    forget_partial(partial)
