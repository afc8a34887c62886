"""Match the label catalogues to the selected galaxies, where they agree."""

import pyarrow.parquet as pq

from galspec_core.catalogs.labels import LINES, SELECTED, LabelConfig, make_labels
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job

with job(snakemake) as log:
    config = LabelConfig.from_config(snakemake.params.settings)
    catalogs = {
        name: pq.read_table(path, columns=LINES if name.startswith("portsmouth") else None, read_dictionary=["bpt"])
        for name, path in zip(snakemake.params.names, snakemake.input.catalogs, strict=True)
    }
    selected = pq.read_table(snakemake.input.selected, columns=SELECTED)
    labels = make_labels(selected, catalogs, config, snakemake.params.targets)
    write_parquet(labels.table, snakemake.output.labels)
    write_csv(labels.agreement, snakemake.output.agreement)
    write_csv(labels.drops, snakemake.output.dropped)
    write_csv(labels.unmatched, snakemake.output.unmatched)
    log.info("%d spectra\n%s", labels.table.num_rows, labels.drops.to_string(index=False))
