"""List every spectrum that could not be used, and why."""

from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.spectra.reject import read_rejected

with job_log(snakemake.log[0]) as log:
    rejected = read_rejected(snakemake.input)
    write_csv(rejected, snakemake.output[0])
    write_provenance(snakemake.output[0], snakemake.input)
    log.info("%d rejected rows: %s", len(rejected), rejected["reason"].value_counts().to_dict())
