"""Pre-train one encoder on the unlabelled spectra of the training side."""

from pathlib import Path

import pandas as pd

from galspec_core.encoder.embed import FIT
from galspec_core.job import job
from galspec_core.spectra.shard import listed_shards

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    roles = pd.read_parquet(snakemake.input.roles, filters=[("role", "in", ["pretrain", "validation"])])
    ids = {role: part["specobjid"].to_numpy() for role, part in roles.groupby("role")}
    FIT[params.entry["kind"]](
        params.entry,
        params.run,
        params.grid,
        listed_shards(snakemake.input.shards),
        ids["pretrain"],
        ids.get("validation", ids["pretrain"][:0]),
        Path(output.weights).parent / "checkpoint",
        output.weights,
        output.history,
        snakemake.wildcards.encoder,
    )
