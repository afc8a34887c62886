"""Count spectra by class and role: tables 1 and 3."""

import pyarrow.parquet as pq

from galspec_core.catalogs.roles import THREE_CLASSES, count_roles
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    counts = count_roles(pq.read_table(snakemake.input.roles))
    write_csv(counts[counts["task"] == THREE_CLASSES], snakemake.output.table1)
    write_csv(counts[counts["task"] != THREE_CLASSES], snakemake.output.table3)
