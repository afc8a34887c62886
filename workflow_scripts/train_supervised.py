"""Train the network of one system on the labels of one seed's knowledge base."""

from pathlib import Path

import pandas as pd

from galspec_core.baselines.train import train_supervised
from galspec_core.baselines.votes import make_cases
from galspec_core.job import job
from galspec_core.search.tables import positions_of
from galspec_core.spectra.reject import read_rejected

with job(snakemake):
    params, output, wildcards = snakemake.params, snakemake.output, snakemake.wildcards
    filters = [("task", "==", wildcards.task), ("seed", "==", int(wildcards.seed))]
    roles = pd.read_parquet(snakemake.input.roles, filters=filters)
    roles = roles[~roles["specobjid"].isin(read_rejected([snakemake.input.rejected])["specobjid"])]
    manifest = pd.read_parquet(snakemake.input.manifest, columns=["specobjid", "position"])
    case = make_cases(wildcards.task, params.target, roles)[0]
    train_supervised(
        f"{wildcards.system}, {wildcards.task}, seed {wildcards.seed}",
        params.entry,
        params.run,
        params.grid,
        list(snakemake.input.shards),
        case,
        positions_of(case.entries, manifest),
        Path(output.weights).parent / "checkpoint",
        output.weights,
        output.history,
    )
