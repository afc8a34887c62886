"""List every spectrum that could not be used, and why; make sure that none is missing."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.spectra.reject import check_complete, read_rejected
from galspec_core.spectra.shard import gridded_ids

with job(snakemake) as log:
    inputs = snakemake.input
    rejected = read_rejected(inputs.rejected)
    wanted = pd.read_parquet(inputs.manifest, columns=["specobjid"])["specobjid"]
    check_complete(wanted, map(gridded_ids, inputs.native), rejected)
    write_csv(rejected, snakemake.output[0])
    log.info("%d rejected rows: %s", len(rejected), rejected["reason"].value_counts().to_dict())
