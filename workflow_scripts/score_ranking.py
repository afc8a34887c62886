"""Score how every method ranks each target above all others, and above controls like the targets."""

import pandas as pd

from galspec_core.baselines.lens_finder import NOTES
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.ranking import MANIFEST, ranking
from galspec_core.search.ranking_differences import ranking_differences
from galspec_core.search.tables import votes_of_task

with job(snakemake) as log:
    params, inputs = snakemake.params, snakemake.input
    others = [*inputs.systems, *inputs.finders]
    votes = {task: votes_of_task(task, path, others) for task, path in zip(params.tasks, inputs.votes, strict=True)}
    manifest = pd.read_parquet(inputs.manifest, columns=MANIFEST)
    table = ranking(votes, manifest, params.bootstrap, notes={**params.notes, **NOTES})
    write_csv(table, snakemake.output.ranking)
    write_csv(ranking_differences(votes, manifest, params.method, params.bootstrap), snakemake.output.differences)
    log.info("\n%s", table.to_string())
