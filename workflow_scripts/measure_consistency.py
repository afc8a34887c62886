"""Measure whether a galaxy keeps its embedding when only the noise changes."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.consistency import Consistency, measure_consistency

with job_log(snakemake.log[0]) as log:
    inputs, params = snakemake.input, snakemake.params
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position", "z", "snr", "side"])
    settings = Consistency(**params.settings)
    table = measure_consistency(params.methods, manifest, settings, params.bootstrap, params.run)
    write_csv(table, snakemake.output[0])
    write_provenance(snakemake.output[0], inputs.weights, {"consistency": params.settings})
    log.info("\n%s", table.to_string())
