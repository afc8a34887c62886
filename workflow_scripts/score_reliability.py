"""Score how far the probabilities of every method can be believed."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.reliability import score_reliability

with job(snakemake) as log:
    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position"])
    parts = []
    for (task, target), path in zip(params.targets.items(), inputs.votes, strict=True):
        roles = pd.read_parquet(inputs.roles, filters=[("task", "==", task)])
        parts.append(score_reliability(pd.read_parquet(path), roles, manifest, target, task))
    table, curves = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    write_csv(table, output.table)
    write_csv(curves, output.curves)
    log.info("\n%s", table.to_string())
