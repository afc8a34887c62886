"""Make the page on which a person looks through the candidates of one target."""

import pandas as pd

from galspec_core.encoder.embed import load_encoder
from galspec_core.figures.vetting import page_data, run_name, vetting_page
from galspec_core.files import replace
from galspec_core.job import job
from galspec_core.search.candidates import read_manifests
from galspec_core.spectra.prepare import grid_from_config

with job(snakemake):
    inputs, params, task = snakemake.input, snakemake.params, snakemake.wildcards.task
    facts = {"task": task, "run": run_name(), **params.facts}
    base = pd.read_parquet(inputs.base, columns=["specobjid", "label"])
    encoder = load_encoder(inputs.weights[0], {}) if inputs.weights else None
    grid = grid_from_config(params.facts["method"], params.grid)
    table, manifest = pd.read_parquet(inputs.details), read_manifests(inputs.manifests)
    data = page_data(table, base, manifest, inputs.shards, encoder, grid, facts)
    with replace(snakemake.output[0]) as temporary:
        temporary.write_text(vetting_page(data), encoding="utf-8")
