"""Let one system label the test spectra of every task it takes part in."""

import pandas as pd

from galspec_core.baselines.system import choose_fit, sources_from, tasks_from, vote_system
from galspec_core.baselines.votes import write_system_votes
from galspec_core.job import job
from galspec_core.spectra.reject import read_rejected

with job(snakemake):
    params, inputs, system = snakemake.params, snakemake.input, snakemake.wildcards.system
    roles = pd.read_parquet(inputs.roles)
    roles = roles[~roles["specobjid"].isin(read_rejected([inputs.rejected])["specobjid"])]
    votes = vote_system(
        system,
        params.entry,
        tasks_from(params.tasks, params.seeds, roles, params.search),
        pd.read_parquet(inputs.manifest),
        sources_from(inputs, params.entry, params.tasks, params.seeds),
        choose_fit(params.entry, roles, params.most),
        params.run,
        snakemake.threads,
    )
    write_system_votes(votes, snakemake.output[0], system)
