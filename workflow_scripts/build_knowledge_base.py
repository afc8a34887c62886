"""Index the labelled spectra of the training side for one task and encoder."""

from pathlib import Path

import pandas as pd

from galspec_core.job import job
from galspec_core.search.task import build_task_kb
from galspec_core.spectra.reject import read_rejected

with job(snakemake) as log:
    rejected = read_rejected([snakemake.input.rejected])["specobjid"]
    roles = pd.read_parquet(snakemake.input.roles, filters=[("task", "==", snakemake.wildcards.task)])
    base = build_task_kb(
        snakemake.wildcards.task,
        roles[~roles["specobjid"].isin(rejected)],
        pd.read_parquet(snakemake.input.manifest),
        list(snakemake.input.embeddings),
        encoder=snakemake.wildcards.encoder,
    )
    base.save(Path(snakemake.output.index).parent)
    log.info("%d entries", len(base))
