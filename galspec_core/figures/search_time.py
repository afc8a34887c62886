"""Figure C1: search time against the size of the knowledge base, beside the paper's line."""

import numpy as np

from galspec_core.figures.style import COLOURS, DASHES, MARKERS, new_figure
from galspec_core.search.timing import PAPER, fit_line

NAMES = {"flat": "Flat (exact)", "hnsw": "HNSW"}


def draw_search_time(table):
    """Return the figure of a table with index, n, ms_per_query and recall_at_3."""
    figure, axis = new_figure(size=(6.0, 4.2))
    n = np.geomspace(table["n"].min(), table["n"].max(), 50)
    for number, (name, part) in enumerate(table.groupby("index", sort=False)):
        recall = part["recall_at_3"].min()
        label = f"{NAMES.get(name, name)}, recall@3 ≥ {recall:.3f}" if name != "flat" else NAMES[name]
        axis.plot(part["n"], part["ms_per_query"], MARKERS[number], color=COLOURS[number], label=label)
        if name == "flat":
            slope, offset = fit_line(part["n"], part["ms_per_query"])
            text = f"fit: {slope:.2g} n {offset:+.2g}"
            axis.plot(n, np.maximum(slope * n + offset, 1e-6), color=COLOURS[number], lw=1, label=text)
        else:
            axis.plot(part["n"], part["ms_per_query"], color=COLOURS[number], lw=1, ls=DASHES[1])
    slope, offset = PAPER
    axis.plot(n, slope * n + offset, color="black", ls=DASHES[3], label=f"paper: {slope} n + {offset} (ms likely)")
    dimension = int(table["dimension"].iloc[0])
    axis.set(xscale="log", yscale="log", xlabel="entries of the knowledge base", ylabel="time of one query (ms)")
    axis.set_title(f"One query, one thread, {dimension} dimensions")
    axis.set_ylim(top=20 * axis.get_ylim()[1])  # room for the legend above the paper's line
    axis.legend(frameon=False, loc="upper left")
    return figure
