"""Embed the spectra of one shard."""

from galspec_core.encoder.embed import embed_shard, load_encoder
from galspec_core.job import job

with job(snakemake):
    encoder = load_encoder(snakemake.input.weights, snakemake.params.run)
    embed_shard(encoder, snakemake.input.shard, snakemake.output[0], snakemake.wildcards.encoder)
