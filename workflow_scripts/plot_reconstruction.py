"""Draw a validation spectrum with hidden patches and their reconstruction: figure 3."""

from pathlib import Path

import pandas as pd

from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.embed import load_encoder
from galspec_core.encoder.reconstruct import reconstruct_spectrum
from galspec_core.figures.reconstruction import brightest, draw_reconstruction
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.spectra.prepare import grid_from_config
from galspec_core.spectra.reject import read_rejected

with job(snakemake) as log:
    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    roles = pd.read_parquet(inputs.roles, filters=[("role", "in", ["validation", "test"])]).sort_values("role")
    roles = roles[~roles["specobjid"].isin(read_rejected([inputs.rejected])["specobjid"])]
    manifest = pd.read_parquet(inputs.manifest)
    case = brightest(roles.loc[roles["role"] == roles["role"].iloc[-1], "specobjid"], manifest)
    holds = manifest.loc[manifest["specobjid"] == case, "shard"].iloc[0]
    shard = next(path for path in inputs.shards if Path(path).stem == holds)
    model = load_encoder(inputs.weights, {"device": "cpu", "torch_threads": snakemake.threads}).model
    wave = grid_from_config(params.method, params.grid).wavelengths
    table = reconstruct_spectrum(model, load_spectra([shard], [case]), wave)
    save_figure(draw_reconstruction(table, params.method, model.config.mask_share), output.pdf, output.png)
    write_csv(table, output.csv)
    log.info("specobjid %d", case)
