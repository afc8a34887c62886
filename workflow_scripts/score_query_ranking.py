"""Score how every method ranks the targets above query spectra, and above those of them that are like the targets."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.base_rate import without_targets
from galspec_core.search.ranking import MANIFEST, ranking

with job(snakemake) as log:
    params, inputs = snakemake.params, snakemake.input
    truth = pd.read_csv(inputs.truth[0]) if inputs.truth else None
    votes, queries = {}, {}
    for (task, target), tested, asked in zip(params.tasks.items(), inputs.votes, inputs.queries, strict=True):
        votes[task] = pd.read_parquet(tested).query("seed == @params.seed")
        queries[task] = without_targets(pd.read_parquet(asked), truth, target)
    catalogues = [pd.read_parquet(path, columns=MANIFEST) for path in (inputs.manifest, inputs.query_manifest)]
    table = ranking(votes, pd.concat(catalogues), params.bootstrap, queries=queries, notes=params.notes)
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
