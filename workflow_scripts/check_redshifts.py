"""Compare each labelled test spectrum's catalogue redshift with all others."""

import pandas as pd

from galspec_core.catalogs.roles import TEST
from galspec_core.encoder.embed import load_encoder
from galspec_core.encoder.redshift import RedshiftSettings
from galspec_core.files import write_parquet
from galspec_core.job import job
from galspec_core.search.redshifts import check_redshifts, make_scan
from galspec_core.spectra.prepare import PrepareConfig

with job(snakemake) as log:
    inputs, params = snakemake.input, snakemake.params
    roles = pd.read_parquet(inputs.roles, columns=["specobjid", "role"])
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "z"])
    settings = RedshiftSettings.from_config(params.check)
    scan = make_scan(load_encoder(inputs.weights, {}), settings, roles, manifest)
    tests = roles.loc[roles["role"] == TEST, "specobjid"].unique()
    table = check_redshifts(inputs.native, tests, scan, PrepareConfig(**params.spectra))
    write_parquet(table, snakemake.output[0])
    log.info("%d of %d redshifts are doubted", (~table["trusted"]).sum(), len(table))
