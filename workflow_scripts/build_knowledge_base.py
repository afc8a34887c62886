"""Index the labelled spectra of the training side for one task and encoder."""

from pathlib import Path

from galspec_core.catalogs.roles import KNOWLEDGE_BASE
from galspec_core.files import read_frame
from galspec_core.job import job
from galspec_core.search.indexing import IndexSettings
from galspec_core.search.knowledge_base import VECTORS
from galspec_core.search.task import COLUMNS, build_task_kb
from galspec_core.search.vectors import scratch_beside
from galspec_core.spectra.reject import read_rejected
from galspec_core.spectra.shard import listed_shards

folder = Path(snakemake.output.index).parent
with job(snakemake, beside=[folder / VECTORS]) as log:
    rejected = read_rejected([snakemake.input.rejected])["specobjid"]
    own = [("task", "==", snakemake.wildcards.task), ("role", "==", KNOWLEDGE_BASE)]
    roles = read_frame(snakemake.input.roles, filters=own)
    with scratch_beside(folder) as scratch:
        base = build_task_kb(
            snakemake.wildcards.task,
            roles[~roles["specobjid"].isin(rejected)],
            read_frame(snakemake.input.manifest, ["specobjid", *COLUMNS]),
            listed_shards(snakemake.input.embeddings),
            index=IndexSettings(**snakemake.params.index),
            scratch=scratch,
            threads=snakemake.threads,
            encoder=snakemake.wildcards.encoder,
        )
        base.save(folder)
    log.info("%d entries", len(base))
