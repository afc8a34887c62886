"""Draw the spectra of the test side that are only asked about."""

from pathlib import Path

import pyarrow.parquet as pq

from galspec_core.catalogs.manifest import SELECTED
from galspec_core.catalogs.query import draw_query
from galspec_core.catalogs.sample import SampleConfig
from galspec_core.catalogs.survey import LABELS
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job

LISTED = ["specobjid", "plate", "mjd", "fiberid", "run2d", "z"]

with job(snakemake):
    inputs, shards = snakemake.input, snakemake.output.shards
    columns = {"selected": SELECTED, "labels": LABELS, "manifest": ["position"]}
    tables = [pq.read_table(inputs[name], columns=wanted) for name, wanted in columns.items()]
    config = SampleConfig.from_config(snakemake.params.settings)
    query = draw_query(*tables, config, snakemake.params.n, [Path(path).stem for path in shards])
    write_parquet(query, snakemake.output.manifest)
    rows = query.to_pandas()
    for path in shards:
        write_csv(rows[rows["shard"] == Path(path).stem][LISTED], path)
