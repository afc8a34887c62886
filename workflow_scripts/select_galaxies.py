"""Cut the survey's catalogue down to usable galaxies and count every cut."""

from galspec_core.catalogs.select import SelectConfig, select
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job

with job(snakemake) as log:
    config = SelectConfig.from_config(snakemake.params.settings)
    selected, drops = select(snakemake.input[0], config)
    write_parquet(selected, snakemake.output.selected)
    write_csv(drops, snakemake.output.dropped)
    log.info("%d spectra selected\n%s", selected.num_rows, drops.to_string(index=False))
