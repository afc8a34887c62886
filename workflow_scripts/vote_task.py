"""Label the test spectra of one task by the weighted vote of their nearest neighbours."""

from pathlib import Path

import pandas as pd

from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.task import vote_parts, write_votes
from galspec_core.spectra.reject import read_rejected

with job_log(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    rejected = read_rejected([inputs.rejected])["specobjid"]
    roles = pd.read_parquet(inputs.roles, filters=[("task", "==", snakemake.wildcards.task)])
    votes = vote_parts(
        snakemake.wildcards.task,
        params.task,
        {m: (Path(kb).parent, params.embeddings[m]) for m, kb in zip(params.methods, inputs.bases, strict=True)},
        roles[~roles["specobjid"].isin(rejected)],
        pd.read_parquet(inputs.manifest),
        params.settings,
        threads=snakemake.threads,
        learnt=params.learnt,
    )
    seeds = write_votes(votes, snakemake.output[0])
    settings = {"task": params.task, "search": params.settings | {"learnt": params.learnt}}
    write_provenance(snakemake.output[0], inputs.bases, settings, seeds)
