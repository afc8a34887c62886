"""Time single queries against knowledge bases of growing size."""

from pathlib import Path

import pandas as pd

from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.timing import time_search

with job(snakemake):
    inputs, settings = snakemake.input, snakemake.params.settings
    base = KnowledgeBase.load(Path(inputs.index).parent)
    roles = pd.read_parquet(inputs.roles, filters=[("task", "==", "classes"), ("role", "==", "test")])
    embeddings = load_embeddings(inputs.embeddings, roles["specobjid"].to_numpy())
    table = time_search(
        base.vectors,
        embeddings.embedding[: settings["queries"]],
        settings["sizes"],
        settings["indexes"],
        settings["repeats"],
    )
    write_csv(table, snakemake.output[0])
