"""Draw the encoder with the shapes of its own tensors: figure 2."""

from galspec_core.encoder.shapes import architecture_table
from galspec_core.figures.architecture import draw_architecture
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job

with job(snakemake):
    entry = snakemake.params.entry
    table = architecture_table(entry, snakemake.params.grid)
    save_figure(draw_architecture(table, entry), snakemake.output.pdf, snakemake.output.png)
    write_csv(table, snakemake.output.csv)
