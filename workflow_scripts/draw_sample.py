"""Draw who pre-trains, who fills the knowledge base and who is tested, by sky position."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from galspec_core.catalogs.manifest import SELECTED
from galspec_core.catalogs.roles import SCHEMA
from galspec_core.catalogs.sample import SampleConfig, draw_sample
from galspec_core.catalogs.survey import LABELS
from galspec_core.files import write_csv, write_tables
from galspec_core.job import job

LISTED = ["specobjid", "plate", "mjd", "fiberid", "run2d", "z"]

with job(snakemake) as log:
    inputs, outputs = snakemake.input, snakemake.output
    config = SampleConfig.from_config(snakemake.params.settings)
    sample = draw_sample(
        pq.read_table(inputs["selected"], columns=SELECTED, read_dictionary=["run2d", "instrument"]),
        pq.read_table(inputs["labels"], columns=LABELS),
        snakemake.params.tasks,
        config,
        len(outputs.shards),
    )
    manifest = sample.manifest
    write_tables(manifest.tables(), manifest.schema, outputs.manifest)
    write_tables(sample.roles.tables(), SCHEMA, outputs.roles)
    write_csv(pd.concat([*map(pd.read_csv, inputs.dropped), sample.drops]), outputs.dropped)
    for path in outputs.shards:
        write_csv(manifest.of_shard(int(Path(path).stem)).select(LISTED).to_pandas(), path)
    log.info("%d spectra in the manifest", len(manifest))
