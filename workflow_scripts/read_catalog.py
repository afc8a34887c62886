"""Read the columns that matter of one catalogue into Parquet."""

from galspec_core.catalogs.tables import read_catalog
from galspec_core.job import job

with job(snakemake) as log:
    name, params = snakemake.wildcards.catalog, snakemake.params
    settings = params.columns, params.only, params.survey
    rows = read_catalog(name, snakemake.input[0], snakemake.output[0], *settings)
    log.info("%s: %d rows", name, rows)
