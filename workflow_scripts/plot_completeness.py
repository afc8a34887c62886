"""Plot the recall of lenses at 1 % false positives against the S/N of what was injected."""

import pandas as pd

from galspec_core.baselines.lens_finder import read_truth
from galspec_core.figures.completeness import draw_completeness
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.completeness import completeness
from galspec_core.search.tables import votes_of_task

with job(snakemake) as log:
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    votes = votes_of_task(params.task, inputs.votes, [*inputs.systems, *inputs.finders])
    manifest = pd.read_parquet(inputs.manifest)
    table = completeness(votes, manifest, read_truth(inputs.truth), **params.settings)
    save_figure(draw_completeness(table), output.pdf, output.png)
    write_csv(table, output.csv)
    log.info("\n%s", table.to_string())
