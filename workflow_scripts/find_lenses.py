"""Search what the model leaves of the test spectra for a galaxy behind, without labels."""

import pandas as pd

from galspec_core.baselines.lens_finder import find_lenses, read_truth
from galspec_core.encoder.embed import load_encoder
from galspec_core.files import write_parquet
from galspec_core.job import job

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    votes = pd.read_parquet(inputs.votes, columns=["specobjid", "method", "seed", "label"])
    encoder, truth = load_encoder(inputs.weights, {}), read_truth(inputs.truth)
    found = find_lenses(votes, snakemake.wildcards.task, params.target, encoder, inputs.shards, truth)
    write_parquet(found, snakemake.output[0])
