"""Plot the loss of one encoder's pre-training."""

import pandas as pd

from galspec_core.figures.history import draw_history
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    history = pd.read_csv(snakemake.input[0])
    save_figure(draw_history(history, snakemake.wildcards.encoder), snakemake.output.pdf, snakemake.output.png)
    write_csv(history, snakemake.output.csv)
