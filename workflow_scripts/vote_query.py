"""Vote on the query spectra for one task."""

from pathlib import Path

import pandas as pd

from galspec_core.files import write_parquet
from galspec_core.job import job
from galspec_core.search.query import vote_query

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    methods = {m: (Path(kb).parent, params.embeddings[m]) for m, kb in zip(params.methods, inputs.bases, strict=True)}
    manifest = pd.read_parquet(inputs.manifest)
    votes = vote_query(
        snakemake.wildcards.task, params.task, methods, manifest, params.seed, params.settings, params.learnt, snakemake.threads
    )  # fmt: skip
    write_parquet(votes, snakemake.output[0])
