"""Score the recall of outliers by subtype."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.subtypes import subtype_recall

with job_log(snakemake.log[0]) as log:
    inputs, params = snakemake.input, snakemake.params
    roles = pd.read_parquet(inputs.roles, filters=[("task", "==", params.task)])
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position"])
    table = subtype_recall(pd.read_parquet(inputs.votes), roles, manifest, params.target)
    write_csv(table, snakemake.output[0])
    write_provenance(snakemake.output[0], inputs)
    log.info("\n%s", table.to_string())
