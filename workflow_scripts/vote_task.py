"""Label the test spectra of one task by the weighted vote of their nearest neighbours."""

from pathlib import Path

import pandas as pd

from galspec_core.job import job
from galspec_core.search.task import vote_task, write_votes
from galspec_core.spectra.reject import read_rejected

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    rejected = read_rejected([inputs.rejected])["specobjid"]
    roles = pd.read_parquet(inputs.roles, filters=[("task", "==", snakemake.wildcards.task)])
    votes = vote_task(
        snakemake.wildcards.task,
        params.task,
        {m: (Path(kb).parent, params.embeddings[m]) for m, kb in zip(params.methods, inputs.bases, strict=True)},
        roles[~roles["specobjid"].isin(rejected)],
        pd.read_parquet(inputs.manifest),
        params.settings,
        threads=snakemake.threads,
        learnt=params.learnt,
    )
    write_votes(votes, snakemake.output[0])
