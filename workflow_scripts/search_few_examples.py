"""Withhold a class from pre-training, give it back as a few examples, and look for the rest of it."""

from pathlib import Path

import pandas as pd

from galspec_core.catalogs.roles import ALL_CLASSES
from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.embed import FIT, describe_all, load_encoder
from galspec_core.files import write_csv
from galspec_core.log import Progress, job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.few_examples import few_examples_table, score_examples, training_ids

with job_log(snakemake.log[0]) as log:
    params, inputs, settings = snakemake.params, snakemake.input, snakemake.params.settings
    roles, manifest = pd.read_parquet(inputs.roles), pd.read_parquet(inputs.manifest)
    labels = roles[roles["task"] == ALL_CLASSES].drop_duplicates("specobjid")[["specobjid", "label"]]
    labels = labels.merge(manifest[["specobjid", "position", "side"]], on="specobjid").set_index("specobjid")
    rows, progress = [], Progress("search: few examples", len(settings["classes"]) * len(params.methods), "fits")
    for name in settings["classes"]:
        for method, (entry, grid, shards) in params.methods.items():
            folder = Path(snakemake.output.work) / method / name
            folder.mkdir(parents=True, exist_ok=True)
            files = folder / "checkpoint", folder / "weights.safetensors", folder / "history.csv"
            FIT[entry["kind"]](
                entry, params.run, grid, shards, *training_ids(roles, name), *files, f"{method} ({name})"
            )
            spectra = load_spectra(shards, labels.index.to_numpy())
            vectors, own = describe_all(load_encoder(files[1], params.run), spectra), labels.loc[spectra.specobjid]
            found = score_examples(vectors, own, name, settings["examples"], settings["draws"])
            rows += [{"class": name, "method": method, **row} for row in found]
            progress.add()
    table = few_examples_table(rows)
    write_csv(table, snakemake.output.table)
    write_provenance(snakemake.output.table, [inputs.roles, inputs.manifest], {"settings": settings})
    log.info("\n%s", table.to_string())
