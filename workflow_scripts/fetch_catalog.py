"""Fetch one catalogue from the SAS or another server, whole or not at all."""

from galspec_core.job import job
from galspec_core.sas import FetchConfig, fetch_file

with job(snakemake):
    fetch_file(snakemake.params.url, snakemake.output[0], FetchConfig(**snakemake.params.settings))
