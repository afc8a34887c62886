"""List the rows of a user's table that became no target, why, and the spectrum nearest to each."""

import pyarrow.parquet as pq

from galspec_core.catalogs.select import SelectConfig
from galspec_core.catalogs.unmatched import SELECTED, explain_unmatched
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake) as log:
    inputs, config = snakemake.input, SelectConfig.from_config(snakemake.params.settings)
    table, selected = pq.read_table(inputs.table), pq.read_table(inputs.selected, columns=SELECTED)
    unmatched = explain_unmatched(table, selected, inputs.specobj, config)
    write_csv(unmatched, snakemake.output[0])
    log.info("%d of %d rows are no target\n%s", len(unmatched), table.num_rows, unmatched.to_string(index=False))
