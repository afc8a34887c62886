"""Measure whether encoders know a galaxy again: repeat observations, and the same galaxy at a high and a low S/N."""

import pandas as pd

from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.embed import load_encoder
from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.consistency import COLUMNS, brightest, measure_noise, measure_repeats
from galspec_core.search.embeddings import load_embeddings

with job_log(snakemake.log[0]) as log:
    params, inputs, settings, rows = snakemake.params, snakemake.input, snakemake.params.settings, []
    whole = pd.read_parquet(inputs.manifest, columns=["specobjid", "position", "side", "z", "snr"])
    for (method, (embeddings, shards)), weights in zip(params.methods.items(), inputs.weights, strict=True):
        found = load_embeddings(embeddings, whole["specobjid"])
        manifest = whole.set_index("specobjid").loc[found.specobjid].reset_index()
        spectra = load_spectra(shards, manifest["specobjid"].iloc[brightest(manifest, "test", settings["n"])])
        embed = load_encoder(weights, params.run).embed
        tests = [
            measure_repeats(found.embedding, manifest, settings),
            measure_noise(found.embedding, manifest, embed, spectra, settings),
        ]
        rows += [{"method": method, **row} for row in filter(None, tests)]
        log.info("%s: %s", method, rows[-1])
    write_csv(pd.DataFrame(rows, columns=COLUMNS), snakemake.output[0])
    write_provenance(snakemake.output[0], [inputs.manifest, *inputs.weights], {"settings": settings})
