"""Score precision at a survey's base rate, from query spectra."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.base_rate import base_rate_table, without_targets

with job(snakemake) as log:
    inputs, params = snakemake.input, snakemake.params
    truth = pd.read_csv(inputs.truth[0]) if inputs.truth else None
    votes = {task: pd.read_parquet(path) for task, path in zip(params.tasks, inputs.votes, strict=True)}
    queries = {
        task: without_targets(pd.read_parquet(path), truth, params.tasks[task])
        for task, path in zip(params.tasks, inputs.queries, strict=True)
    }
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position"])
    table = base_rate_table(votes, queries, manifest, params.seed, params.settings["recalls"], params.settings)
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
