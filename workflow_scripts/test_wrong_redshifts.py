"""Give test spectra wrong redshifts: which classes the vote is sure of, and what the redshift check lets through."""

from pathlib import Path

import pandas as pd

from galspec_core.encoder.embed import load_encoder
from galspec_core.encoder.redshift import RedshiftSettings
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job
from galspec_core.search.redshifts import make_scan
from galspec_core.search.task import open_voter
from galspec_core.search.vote import VoteSettings
from galspec_core.search.wrong_redshifts import (
    WrongSettings,
    draw_spectra,
    give_wrong_redshifts,
    load_native,
    summarise,
)
from galspec_core.spectra.prepare import PrepareConfig, grid_from_config
from galspec_core.spectra.reject import read_rejected

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    settings, encoder = WrongSettings(**params.wrong), load_encoder(inputs.weights, {})
    roles, manifest = pd.read_parquet(inputs.roles), pd.read_parquet(inputs.manifest)
    usable = roles[~roles["specobjid"].isin(read_rejected([inputs.rejected])["specobjid"])]
    scan = make_scan(encoder, RedshiftSettings.from_config(params.check), roles, manifest)
    opened = params.check["encoder"], Path(inputs.base).parent, inputs.embeddings, VoteSettings.from_config(params.vote)
    voter, _ = open_voter("classes", None, *opened, params.learnt)
    drawn = draw_spectra(usable, manifest, settings)
    spectra = load_native(inputs.native, drawn["specobjid"])
    onto = grid_from_config(*params.grid), PrepareConfig(**params.spectra)
    rows = give_wrong_redshifts(drawn, spectra, scan, encoder, voter, *onto, settings)
    write_parquet(rows, snakemake.output.rows)
    table = summarise(rows, pd.read_parquet(inputs.checked), roles, manifest, settings.confident)
    write_csv(table, snakemake.output.table)
