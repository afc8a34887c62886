"""Score the search for each target, beside the published values: table 4."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.tables import table4, training_notes, votes_of_task

with job(snakemake) as log:
    params, inputs = snakemake.params, snakemake.input
    votes = {
        task: votes_of_task(task, path, inputs.systems) for task, path in zip(params.tasks, inputs.votes, strict=True)
    }
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position"])
    table = table4(votes, manifest, training_notes(params.notes, inputs.histories, params.trained), params.bootstrap)
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
