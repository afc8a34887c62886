"""Simulate a survey with known answers and write it as a SAS tree."""

from pathlib import Path

from galspec_core.job import job
from galspec_core.mock.survey import MockConfig, write_survey

with job(snakemake):
    out = Path(snakemake.output.truth).parent
    write_survey(MockConfig(**snakemake.params.settings), out, processes=snakemake.threads)
