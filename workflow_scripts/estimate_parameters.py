"""Estimate physical parameters by weighted neighbours, for every encoder."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.parameters import read_values, score_parameters
from galspec_core.search.vote import VoteSettings

with job_log(snakemake.log[0]) as log:
    params, inputs = snakemake.params, snakemake.input
    manifest = pd.read_parquet(inputs.manifest, columns=["specobjid", "position", "side", "z"])
    values = read_values(inputs.get("table"), params.parameters["columns"])
    embeddings = {m: load_embeddings(paths, manifest["specobjid"]) for m, paths in params.methods.items()}
    settings, k = VoteSettings.from_config(params.search), params.parameters["k"]
    table = score_parameters(embeddings, manifest, values, k, settings, set(params.told), params.bootstrap)
    write_csv(table, snakemake.output[0])
    write_provenance(snakemake.output[0], [inputs.manifest], {"parameters": params.parameters})
    log.info("\n%s", table.to_string())
