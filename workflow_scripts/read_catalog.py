"""Read the columns that matter of one catalogue into Parquet."""

from galspec_core.catalogs.tables import read_catalog
from galspec_core.job import job

with job(snakemake) as log:
    name = snakemake.wildcards.catalog
    params = snakemake.params
    rows = read_catalog(name, snakemake.input[0], snakemake.output[0], params.columns, params.survey)
    log.info("%s: %d rows", name, rows)
