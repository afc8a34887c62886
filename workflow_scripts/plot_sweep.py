"""Plot precision, recall and F1 against what was swept."""

import pandas as pd

from galspec_core.figures.style import save_figure
from galspec_core.figures.sweeps import draw_sweep
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    table = pd.read_csv(snakemake.input[0])
    save_figure(draw_sweep(table, snakemake.params.sweep), snakemake.output.pdf, snakemake.output.png)
    write_csv(table, snakemake.output.csv)
