"""Rank the test side by how odd each spectrum is, without labels, and see how early the known outliers come."""

import pandas as pd

from galspec_core.catalogs.roles import PRETRAIN, TEST
from galspec_core.files import write_csv
from galspec_core.log import job_log
from galspec_core.provenance import write_provenance
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.outliers import distance_score, rank_outliers

with job_log(snakemake.log[0]) as log:
    params, inputs = snakemake.params, snakemake.input
    manifest, roles = (pd.read_parquet(path) for path in (inputs.manifest, inputs.roles))
    asked = roles[(roles["task"] == params.task) & (roles["role"] == TEST)]
    known, scores = roles.loc[roles["role"] == PRETRAIN, "specobjid"].to_numpy(), {}
    for method, paths in params.methods.items():
        near, far = load_embeddings(paths, known), load_embeddings(paths, asked["specobjid"].to_numpy())
        scores[method] = pd.Series(distance_score(near.embedding, far.embedding), far.specobjid)
    for method, path in zip(params.systems, inputs.systems, strict=True):
        votes = pd.read_parquet(path, filters=[("task", "==", params.task)]).drop_duplicates("specobjid")
        scores[method] = votes.set_index("specobjid")["score"]
    table = rank_outliers(scores, asked, manifest, params.bootstrap)
    write_csv(table, snakemake.output[0])
    write_provenance(snakemake.output[0], [inputs.manifest, inputs.roles], {"task": params.task})
    log.info("\n%s", table.to_string())
