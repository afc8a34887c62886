"""Train the network of one system without labels, on the spectra that pre-train the encoders."""

from pathlib import Path

import pandas as pd

from galspec_core.baselines.train import train_network
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance

with job_log(snakemake.log[0]):
    params, output = snakemake.params, snakemake.output
    roles = pd.read_parquet(snakemake.input.roles, filters=[("role", "in", ["pretrain", "validation"])])
    ids = {role: part["specobjid"].to_numpy() for role, part in roles.groupby("role")}
    train_network(
        snakemake.wildcards.system,
        params.entry,
        params.run,
        params.grid,
        list(snakemake.input.shards),
        ids["pretrain"],
        ids.get("validation", ids["pretrain"][:0]),
        Path(output.weights).parent / "checkpoint",
        output.weights,
        output.history,
    )
    write_provenance(output.weights, [snakemake.input.roles], {"entry": params.entry, "grid": params.grid})
