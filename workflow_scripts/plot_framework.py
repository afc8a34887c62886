"""Draw the framework with this run's settings: figure 1."""

from galspec_core.figures.framework import draw_framework, framework_table
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    table = framework_table(snakemake.params.settings, snakemake.params.method)
    save_figure(draw_framework(table), snakemake.output.pdf, snakemake.output.png)
    write_csv(table, snakemake.output.csv)
