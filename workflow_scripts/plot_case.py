"""Study one spectrum and the neighbours that label it: table B2 and figure B1."""

from pathlib import Path

import pandas as pd

from galspec_core.figures.case_study import case_curves, draw_case
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.case import case_table, find_case
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.failures import read_spectra
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.vote import VoteSettings
from galspec_core.spectra.prepare import grid_from_config
from galspec_core.spectra.reject import read_rejected

with job(snakemake) as log:
    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    study, rejected = params.study, read_rejected([inputs.rejected])["specobjid"]
    manifest = pd.read_parquet(inputs.manifest)
    manifest = manifest[~manifest["specobjid"].isin(rejected)]
    roles = pd.read_parquet(inputs.roles, filters=[("task", "==", "classes"), ("seed", "==", study["seed"])])
    case = find_case(study["spectrum"], manifest, roles)
    embedding = load_embeddings(inputs.embeddings, [case]).embedding
    base, settings = KnowledgeBase.load(Path(inputs.index).parent), VoteSettings.from_config(params.settings)
    labels = pd.read_parquet(inputs.labels)
    table = case_table(case, base, settings, study["seed"], embedding, manifest, labels)
    spectra = read_spectra(table["specobjid"].to_numpy(), manifest, {Path(path).stem: path for path in inputs.shards})
    curves = case_curves(table, spectra, grid_from_config("rest", params.grid))
    save_figure(draw_case(table, curves, study["method"]), output.pdf, output.png)
    write_csv(curves, output.csv)
    write_csv(table, output.table)
    log.info("\n%s", table.to_string())
