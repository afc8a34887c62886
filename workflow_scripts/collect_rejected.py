"""List every spectrum that could not be used, and why; make sure that none is missing."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.spectra.reject import check_complete, read_rejected
from galspec_core.spectra.shard import gridded_ids

with job_log(snakemake.log[0]) as log:
    inputs = snakemake.input
    rejected = read_rejected(inputs.rejected)
    wanted = pd.read_parquet(inputs.manifest, columns=["specobjid"])["specobjid"]
    check_complete(wanted, map(gridded_ids, inputs.native), rejected)
    write_csv(rejected, snakemake.output[0])
    write_provenance(snakemake.output[0], inputs.rejected)
    log.info("%d rejected rows: %s", len(rejected), rejected["reason"].value_counts().to_dict())
