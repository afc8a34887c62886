"""Score star-forming, AGN and normal by every method of the paper's comparison: table 2."""

import pandas as pd

from galspec_core.catalogs.roles import THREE_CLASSES
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.tables import table2, training_notes, votes_of_task

with job(snakemake) as log:
    params, inputs = snakemake.params, snakemake.input
    votes = votes_of_task(THREE_CLASSES, inputs.votes, inputs.systems)
    table = table2(
        votes,
        pd.read_parquet(inputs.manifest, columns=["specobjid", "position"]),
        training_notes(params.notes, inputs.histories, params.trained),
        params.bootstrap,
    )
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
