"""Draw what one spectrum says of a galaxy behind it."""

import pandas as pd

from galspec_core.baselines.lens_finder import read_truth
from galspec_core.encoder.embed import load_encoder
from galspec_core.figures.evidence import draw_evidence, evidence_curves
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.evidence_case import choose_case, evidence, find_spectrum

with job(snakemake):
    inputs, output, study = snakemake.input, snakemake.output, snakemake.params.study
    case = choose_case(study["spectrum"], pd.read_parquet(inputs.votes), study["method"], study["seed"])
    encoder = load_encoder(inputs.weights, {})
    found = evidence(encoder, find_spectrum(case, inputs.shards), read_truth(inputs.truth))
    save_figure(draw_evidence(found), output.pdf, output.png)
    write_csv(evidence_curves(found), output.csv)
