"""Estimate physical parameters from the nearest spectra that have one."""

import pandas as pd

from galspec_core.catalogs.quantities import Quantity, read_quantity
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.parameters import parameters_table

with job(snakemake) as log:
    params = snakemake.params
    quantities = {
        name: Quantity(**{key: value for key, value in entry.items() if key != "from"})
        for name, entry in params.quantities.items()
    }
    manifest = pd.read_parquet(snakemake.input.manifest)
    values = {name: read_quantity(quantity, params.files[name], manifest) for name, quantity in quantities.items()}
    table = parameters_table(
        quantities,
        values,
        params.embeddings,
        params.frames,
        manifest,
        params.vote,
        params.k,
        params.bootstrap,
        snakemake.threads,
    )
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
