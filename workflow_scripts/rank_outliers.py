"""Rank the test spectra by how odd they are, without any label."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.outliers import rank_outliers, read_scores

with job_log(snakemake.log[0]) as log:
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
    write_provenance(snakemake.output[0], inputs, {"k": params.k, "bootstrap": params.bootstrap})
    log.info("\n%s", table.to_string())
