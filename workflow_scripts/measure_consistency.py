"""Measure whether a galaxy keeps its embedding when only the noise changes."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.consistency import Consistency, measure_consistency

with job(snakemake) as log:
    inputs, params = snakemake.input, snakemake.params
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position", "z", "snr", "side"])
    settings = Consistency(**params.settings)
    table = measure_consistency(params.methods, manifest, settings, params.bootstrap, params.run)
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
