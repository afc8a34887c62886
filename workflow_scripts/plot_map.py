"""Draw an embedding as a map that a browser shows: each point a spectrum, near ones alike."""

import pandas as pd

from galspec_core.figures.map import (
    choose_points,
    lay_out,
    loaded,
    map_table,
    pixels_that_fit,
    read_rejected_ids,
    thumbnails,
)
from galspec_core.figures.map_page import map_page
from galspec_core.files import replace, write_csv
from galspec_core.job import job
from galspec_core.search.embeddings import load_embeddings
from galspec_core.spectra.prepare import grid_from_config

with job(snakemake) as log:
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    settings, encoder = params.settings, snakemake.wildcards.encoder
    rejected = read_rejected_ids(inputs.rejected)
    points = choose_points(pd.read_parquet(inputs.manifest), rejected, settings["points"], settings["seed"])
    points, vectors = loaded(load_embeddings(inputs.embeddings, points["specobjid"]), points)
    table = map_table(points, lay_out(vectors, settings["seed"]), pd.read_parquet(inputs.labels), settings["columns"])
    pixels = pixels_that_fit(len(table), 1e6 * settings["spectra_mb"])
    grid = grid_from_config(encoder, params.grid)
    spectra = thumbnails(table["specobjid"], inputs.shards, grid, pixels)
    page = map_page(table, spectra, f"Map of the encoder {encoder}", params.archive)
    with replace(output.html) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_csv(table, output.csv)
    log.info("%d spectra, each with %d pixels; the page has %.1f MB", len(table), pixels, len(page) / 1e6)
