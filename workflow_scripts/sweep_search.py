"""Vote again and again with one setting swept: share of targets, K, size of the knowledge base, wrong labels."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.sweeps import run_sweep
from galspec_core.spectra.reject import read_rejected

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    roles = pd.read_parquet(inputs.roles)
    table = run_sweep(
        snakemake.wildcards.sweep,
        params.values,
        params.tasks,
        params.methods,
        roles[~roles["specobjid"].isin(read_rejected([inputs.rejected])["specobjid"])],
        pd.read_parquet(inputs.manifest),
        params.search,
        snakemake.threads,
    )
    write_csv(table, snakemake.output[0])
