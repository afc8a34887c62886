"""List the shards of one grid or encoder once all of them are there."""

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.spectra.shard import list_shards

with job(snakemake) as log:
    listed = list_shards(snakemake.input)
    write_csv(listed, snakemake.output[0])
    log.info("%d shards, %d spectra", len(listed), listed["n"].sum())
