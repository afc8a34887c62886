"""List the targets that one method missed and why: table B1."""

from pathlib import Path

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.failures import missed_targets, missed_votes, read_spectra, spectra_needed

with job(snakemake) as log:
    inputs, settings, target = snakemake.input, snakemake.params.settings, snakemake.params.target
    missed = missed_votes(pd.read_parquet(inputs.votes), target, settings["method"])
    shards = {Path(path).stem: path for path in inputs.shards}
    spectra = read_spectra(spectra_needed(missed), pd.read_parquet(inputs.manifest), shards)
    table = missed_targets(
        settings["task"],
        target,
        missed,
        pd.read_parquet(inputs.metadata),
        pd.read_parquet(inputs.roles, filters=[("task", "==", settings["task"])]),
        spectra,
        settings["few"],
        settings["narrow"],
    )
    write_csv(table, snakemake.output[0])
    log.info("%d missed: %s", len(table), table["failure_mode"].value_counts().to_dict())
