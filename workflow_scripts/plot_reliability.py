"""Plot how often spectra of a given probability are true targets."""

import pandas as pd

from galspec_core.figures.reliability import draw_reliability
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    curves = pd.read_csv(snakemake.input[0])
    save_figure(draw_reliability(curves, snakemake.params.method), snakemake.output.pdf, snakemake.output.png)
    write_csv(curves, snakemake.output.csv)
