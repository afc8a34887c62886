"""Score all labels of the survey in one vote."""

import pandas as pd

from galspec_core.catalogs.roles import ALL_CLASSES
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.tables import classes_table, votes_of_task

with job(snakemake) as log:
    votes = votes_of_task(ALL_CLASSES, snakemake.input.votes, snakemake.input.systems)
    manifest = pd.read_parquet(snakemake.input.manifest, columns=["specobjid", "position"])
    table = classes_table(votes, manifest, snakemake.params.bootstrap)
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
