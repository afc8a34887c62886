"""Embed by one system's network what votes, is tested, or has a flow fitted to it."""

import pandas as pd

from galspec_core.baselines.data import embed_system
from galspec_core.baselines.system import choose_embedded
from galspec_core.job import job
from galspec_core.spectra.reject import read_rejected

with job(snakemake):
    params, inputs = snakemake.params, snakemake.input
    roles = pd.read_parquet(inputs.roles)
    roles = roles[~roles["specobjid"].isin(read_rejected([inputs.rejected])["specobjid"])]
    embed_system(
        snakemake.wildcards.system,
        inputs.weights,
        list(inputs.shards),
        choose_embedded(params.fitted, roles, params.most),
        snakemake.output[0],
        params.run,
    )
