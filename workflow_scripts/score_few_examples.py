"""Fit encoders without some classes, then look for these by a few examples each."""

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.few_examples import common, few_examples, known_as, refit, unseen, withheld_classes

with job(snakemake) as log:
    params, inputs, few = snakemake.params, snakemake.input, snakemake.params.settings
    spectra = known_as(pd.read_parquet(inputs.manifest), pd.read_parquet(inputs.labels))
    roles = pd.read_parquet(inputs.roles)
    ids = {
        role: unseen(roles.loc[roles["role"] == role, "specobjid"].to_numpy(), spectra, few["classes"])
        for role in ("pretrain", "validation")
    }
    fitted = {
        name: refit(entry, params.grids[name], params.shards[name], ids["pretrain"], ids["validation"], name)
        for name, entry in params.encoders.items()
    }
    spectra, vectors = common(spectra, fitted)
    classes = withheld_classes(few["classes"], spectra, few["least"], min(few["examples"]))
    table = few_examples(
        vectors, spectra, classes, few["examples"], few["draws"], params.bootstrap, threads=snakemake.threads
    )
    write_csv(table, snakemake.output[0])
    log.info("\n%s", table.to_string())
