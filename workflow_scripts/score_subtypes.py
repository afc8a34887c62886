"""Score the recall of outliers by subtype."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.subtypes import subtype_recall

with job(snakemake) as log:
    inputs, params = snakemake.input, snakemake.params
    roles = pd.read_parquet(inputs.roles, filters=[("task", "==", params.task)])
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position"])
    table = subtype_recall(pd.read_parquet(inputs.votes), roles, manifest, params.target)
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
