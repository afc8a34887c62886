"""Measure what of each spectrum has nothing to do with what the galaxy is."""

import pandas as pd

from galspec_core.baselines.features import measure_nuisance, write_features
from galspec_core.job import job

with job(snakemake):
    manifest = pd.read_parquet(snakemake.input.manifest)
    write_features(measure_nuisance(snakemake.input.native, manifest, snakemake.params.bits), snakemake.output[0])
