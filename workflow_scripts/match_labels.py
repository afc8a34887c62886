"""Match the label catalogues to the selected galaxies, where they agree."""

import pyarrow.parquet as pq

from galspec_core.catalogs.labels import LabelConfig, make_labels
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job

with job(snakemake) as log:
    config = LabelConfig.from_config(snakemake.params.settings)
    catalogs = {n: pq.read_table(p) for n, p in zip(snakemake.params.names, snakemake.input.catalogs, strict=True)}
    labels = make_labels(pq.read_table(snakemake.input.selected), catalogs, config, snakemake.params.targets)
    write_parquet(labels.table, snakemake.output.labels)
    write_csv(labels.agreement, snakemake.output.agreement)
    write_csv(labels.drops, snakemake.output.dropped)
    write_csv(labels.unmatched, snakemake.output.unmatched)
    log.info("%d spectra\n%s", labels.table.num_rows, labels.drops.to_string(index=False))
