"""Compare one method with every other on the same spectra."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.differences import compare
from galspec_core.search.tables import votes_of_task

with job(snakemake) as log:
    params, inputs = snakemake.params, snakemake.input
    votes = {
        task: votes_of_task(task, path, inputs.systems) for task, path in zip(params.tasks, inputs.votes, strict=True)
    }
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position"])
    table = compare(votes, manifest, params.method, params.bootstrap)
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
