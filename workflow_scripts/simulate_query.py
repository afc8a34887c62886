"""Simulate the spectra that are only asked about, as a SAS tree of their own."""

from pathlib import Path

from galspec_core.catalogs.query import as_manifest
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job
from galspec_core.mock.plan import MockConfig
from galspec_core.mock.query import write_query

LISTED = ["specobjid", "plate", "mjd", "fiberid", "run2d", "z"]

with job(snakemake):
    params, shards = snakemake.params, snakemake.output.shards
    out = Path(snakemake.output.truth).parent
    table = write_query(MockConfig(**params.settings), params.n, out, params.min_snr, snakemake.threads)
    query = as_manifest(table, [Path(path).stem for path in shards])
    write_parquet(query, snakemake.output.manifest)
    rows = query.to_pandas()
    for path in shards:
        write_csv(rows[rows["shard"] == Path(path).stem][LISTED], path)
