"""Describe and plot the distances within a knowledge base and the weights made of them: table A1 and figure A1."""

from pathlib import Path

from galspec_core.figures.distances import distance_table, draw_distances, histogram_table
from galspec_core.figures.style import save_figure
from galspec_core.files import write_csv
from galspec_core.job import job
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.vectors import sample_distances

with job(snakemake) as log:
    settings, output = snakemake.params.settings, snakemake.output
    base = KnowledgeBase.load(Path(snakemake.input.index).parent)
    unit, distances = base.unit(snakemake.params.scale), sample_distances(base.vectors)
    table = distance_table(distances, settings["epsilons"], unit)
    histograms = histogram_table(distances, settings["epsilons"], unit)
    figure = draw_distances(distances, table, histograms, settings["method"], unit)
    save_figure(figure, output.pdf, output.png)
    write_csv(histograms, output.csv)
    write_csv(table, output.table)
    log.info("\n%s", table.to_string())
