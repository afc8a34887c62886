"""Draw one page of test spectra, each with the neighbours that voted."""

from pathlib import Path

import pandas as pd

from galspec_core.figures.neighbours import choose_votes, draw_neighbours, load_spectra, page_table
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.spectra.prepare import grid_from_config

with job(snakemake):
    page = snakemake.params.page
    manifest = pd.read_parquet(snakemake.input.manifest)
    roles = pd.read_parquet(snakemake.input.roles, filters=[("task", "==", page["task"]), ("seed", "==", page["seed"])])
    votes = pd.read_parquet(snakemake.input.votes)
    votes = choose_votes(votes, page["method"], page["seed"], page["n"])
    table = page_table(votes, manifest, dict(zip(roles["specobjid"], roles["label"], strict=True)))
    shards = {Path(path).stem: path for path in snakemake.input.shards}
    spectra = load_spectra({*table["specobjid"], *table["neighbour"]}, manifest, shards)
    grid = grid_from_config(page["method"], snakemake.params.grid)
    figure = draw_neighbours(votes, table, spectra, grid, page["method"])
    save_figure(figure, snakemake.output.pdf, snakemake.output.png)
    write_csv(table, snakemake.output.csv)
