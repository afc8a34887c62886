"""Plot search time against the size of the knowledge base."""

import pandas as pd

from galspec_core.figures.search_time import draw_search_time
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    table = pd.read_csv(snakemake.input[0])
    save_figure(draw_search_time(table), snakemake.output.pdf, snakemake.output.png)
    write_csv(table, snakemake.output.csv)
