"""Plot how many members of an unseen class a few examples find."""

import pandas as pd

from galspec_core.figures.few_examples import draw_few_examples
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    table = pd.read_csv(snakemake.input[0])
    save_figure(draw_few_examples(table), snakemake.output.pdf, snakemake.output.png)
    write_csv(table, snakemake.output.csv)
