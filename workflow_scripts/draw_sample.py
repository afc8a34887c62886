"""Draw who pre-trains, who fills the knowledge base and who is tested, by sky position."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from galspec_core.catalogs.sample import SampleConfig, draw_sample
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job

LISTED = ["specobjid", "plate", "mjd", "fiberid", "run2d", "z"]

with job(snakemake) as log:
    config = SampleConfig.from_config(snakemake.params.settings)
    selected, labels = (pq.read_table(snakemake.input[name]) for name in ("selected", "labels"))
    sample = draw_sample(selected, labels, snakemake.params.tasks, config, len(snakemake.output.shards))
    write_parquet(sample.manifest, snakemake.output.manifest)
    write_parquet(sample.roles, snakemake.output.roles)
    write_csv(pd.concat([*map(pd.read_csv, snakemake.input.dropped), sample.drops]), snakemake.output.dropped)
    manifest = sample.manifest.to_pandas()
    parts = dict(list(manifest.groupby("shard")))
    for path in snakemake.output.shards:
        write_csv(parts.get(Path(path).stem, manifest.iloc[:0])[LISTED], path)
    log.info("%d spectra in the manifest", len(manifest))
