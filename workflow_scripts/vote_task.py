"""Label the test spectra of one task by the weighted vote of their nearest neighbours."""

from pathlib import Path

from galspec_core.catalogs.roles import TEST
from galspec_core.files import read_frame
from galspec_core.job import job
from galspec_core.search.task import vote_parts, write_votes
from galspec_core.spectra.reject import read_rejected
from galspec_core.spectra.shard import listed_shards

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    bases = [Path(index).parent for index in inputs.bases]
    rejected = read_rejected([inputs.rejected])["specobjid"]
    roles = read_frame(inputs.roles, filters=[("task", "==", snakemake.wildcards.task), ("role", "==", TEST)])
    votes = vote_parts(
        snakemake.wildcards.task,
        params.task,
        dict(zip(params.methods, zip(bases, map(listed_shards, inputs.embeddings), strict=True), strict=True)),
        roles[~roles["specobjid"].isin(rejected)],
        read_frame(inputs.manifest, ["specobjid", "position"]),
        params.settings,
        threads=snakemake.threads,
        learnt=params.learnt,
        stored={Path(path).stem: path for path in snakemake.output.learnt},
    )
    write_votes(votes, snakemake.output.votes)
