"""Rank the test spectra by how odd they are, without any label."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.outliers import rank_outliers, read_scores

with job(snakemake) as log:
    params, inputs = snakemake.params, snakemake.input
    table = rank_outliers(
        params.task,
        pd.read_parquet(inputs.roles),
        pd.read_parquet(inputs.manifest, columns=["specobjid", "position"]),
        params.embeddings,
        read_scores(inputs.systems, params.task),
        params.k,
        params.bootstrap,
        snakemake.threads,
    )
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
