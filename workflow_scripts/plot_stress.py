"""Plot F1 against redshift, a shifted input, S/N and lost pixels."""

import pandas as pd

from galspec_core.figures.stress import draw_stress
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    table = pd.read_csv(snakemake.input[0])
    save_figure(draw_stress(table), snakemake.output.pdf, snakemake.output.png)
    write_csv(table, snakemake.output.csv)
