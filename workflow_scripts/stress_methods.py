"""Test the paper's explanations: F1 against redshift, a shifted input, S/N and lost pixels."""

import pandas as pd

from galspec_core.baselines.data import load_data
from galspec_core.baselines.stress import stress_all
from galspec_core.baselines.votes import make_cases
from galspec_core.catalogs.roles import TEST, THREE_CLASSES
from galspec_core.encoder.embed import load_encoder
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.tables import votes_of_task
from galspec_core.search.vote import VoteSettings
from galspec_core.spectra.prepare import grid_from_config
from galspec_core.spectra.reject import read_rejected

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    filters = [("task", "==", THREE_CLASSES), ("seed", "in", params.settings["seeds"])]
    roles = pd.read_parquet(inputs.roles, filters=filters)
    roles = roles[~roles["specobjid"].isin(read_rejected([inputs.rejected])["specobjid"])]
    tests = roles.loc[roles["role"] == TEST, "specobjid"].unique()
    table = stress_all(
        make_cases(THREE_CLASSES, None, roles),
        params.networks,
        {name: (grid, load_encoder(w, params.run), kb) for name, (grid, w, kb) in params.methods.items()},
        {grid: load_data(tests, paths) for grid, paths in params.shards.items()},
        {name: grid_from_config(name, entry) for name, entry in params.grids.items()},
        votes_of_task(THREE_CLASSES, inputs.votes, inputs.systems),
        pd.read_parquet(inputs.manifest),
        VoteSettings.from_config(params.search),
        {"shifts": params.settings["shifts"], "shares": params.settings["removed"]},
        params.run,
        snakemake.threads,
    )
    write_csv(table, snakemake.output[0])
