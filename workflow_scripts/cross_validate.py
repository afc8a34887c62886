"""Ask every labelled spectrum once, by knowledge bases of other sky positions: all methods on the same folds."""

import pandas as pd

from galspec_core.baselines.folds import cross_validate, draw_folds
from galspec_core.catalogs.roles import ALL_CLASSES
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.differences import compare
from galspec_core.search.tables import classes_table
from galspec_core.spectra.reject import read_rejected

with job(snakemake) as log:
    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    roles, manifest = pd.read_parquet(inputs.roles), pd.read_parquet(inputs.manifest)
    roles = roles[~roles["specobjid"].isin(read_rejected([inputs.rejected])["specobjid"])]
    folds = draw_folds(roles, manifest, params.folds)
    votes = cross_validate(
        folds, manifest, params.methods, params.systems, params.search, params.learnt, params.run, snakemake.threads
    )
    table = classes_table(votes, manifest, params.bootstrap)
    write_csv(table, output.table)
    differences = compare({ALL_CLASSES: votes}, manifest, params.compared, params.bootstrap)
    write_csv(differences, output.differences)
    log.info("\n%s\n%s", table.to_string(), differences.to_string())
