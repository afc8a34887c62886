"""The plot and the page of what benchmarks.scale measured, and what follows for whole surveys."""

import os
import platform
from pathlib import Path

import numpy as np
import pandas as pd

from galspec_core.figures.style import COLOURS, DASHES, MARKERS, new_figure, save_figure
from galspec_core.files import replace

PAGE, PLOT = Path(__file__).with_name("scale.md"), Path(__file__).parents[1] / "docs/images/scale.png"
SURVEYS = {"SDSS DR16, all galaxies": 2_960_000, "DESI": 18_000_000}  # spectra
MADE = ("make ", "fit ")  # stages that only prepare a measurement, or whose cost does not grow with the survey
PLAN, INDEXES = "dry run", Path(__file__).with_name("index_choice.csv")
PIXELS = ("fetch_shard", "grid_shard", "embed_shard")
CPUINFO = Path("/proc/cpuinfo")


def write_page(table):
    """Draw docs/images/scale.png and write benchmarks/scale.md from the measured table."""
    stages = {
        name: part.sort_values("n") for name, part in table.groupby("stage", sort=False) if not name.startswith(MADE)
    }
    save_figure(draw(stages), PLOT)
    costs = {name: part for name, part in stages.items() if name != PLAN}
    words = [INTRODUCTION.format(machine=machine()), measured(stages), FORMULAS, projected(costs), AFTER]
    words += [INDEX_CHOICE, index_choice(pd.read_csv(INDEXES))] if INDEXES.exists() else []
    with replace(PAGE) as temporary:
        temporary.write_text("\n\n".join(words) + "\n")


def draw(stages):
    """Return the figure: time and memory against the number of spectra."""
    figure, axes = new_figure(1, 2, size=(10, 5))
    for i, (name, part) in enumerate(stages.items()):
        look = dict(
            color=COLOURS[i % len(COLOURS)], ls=DASHES[i // len(COLOURS) % len(DASHES)], marker=MARKERS[i % 6], ms=3
        )
        for axis, column in zip(axes, ("cpu_s", "memory_mb"), strict=True):
            axis.loglog(part["n"], part[column], label=name, **look)
    axes[0].set(xlabel="spectra", ylabel="processor time of all jobs (s)")
    axes[1].set(xlabel="spectra", ylabel="highest memory of a job (MB)")
    axes[1].legend(fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def slope(part, column):
    """Return what one more spectrum costs: the rise between the two largest sizes, or the whole where there is one."""
    n, value = part["n"].to_numpy(float), part[column].to_numpy(float)
    return max(0.0, (value[-1] - value[-2]) / (n[-1] - n[-2])) if len(n) > 1 else value[-1] / n[-1]


def exponent(part):
    """Return p of time ~ n^p between the two largest sizes, NaN where there is one size."""
    n, seconds = part["n"].to_numpy(float), part["cpu_s"].to_numpy(float)
    return np.log(seconds[-1] / seconds[-2]) / np.log(n[-1] / n[-2]) if len(n) > 1 else float("nan")


def at(part, column, n):
    """Return the value expected for ``n`` spectra: that of the largest size measured, and the slope beyond it."""
    return part[column].iloc[-1] + slope(part, column) * (n - part["n"].iloc[-1])


def measured(stages):
    """Return the table of every stage and size."""
    lines = [
        "| stage | spectra | processor s | s on the clock | memory MB | disk MB | exponent |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, part in stages.items():
        for i, row in enumerate(part.itertuples()):
            power = f"{exponent(part):.2f}" if i == len(part) - 1 else ""
            numbers = f"{row.cpu_s:,.1f} | {row.wall_s:,.1f} | {row.memory_mb:,.0f} | {row.disk_mb:,.0f}"
            lines.append(f"| {name} | {row.n:,} | {numbers} | {power} |")
    return "\n".join(lines)


def projected(stages):
    """Return the table of what whole surveys cost."""
    lines = ["| survey | spectra | hours, catalogues and search | hours, pixels | disk GB | memory GB | requests |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    pixels = {name: part for name, part in stages.items() if name.startswith(PIXELS)}
    rows = {name: part for name, part in stages.items() if name not in pixels}
    for survey, n in SURVEYS.items():
        hours = [sum(at(part, "cpu_s", n) for part in some.values()) / 3600 for some in (rows, pixels)]
        disk = sum(slope(part, "disk_mb") * n for part in stages.values()) / 1000
        grown = [at(part, "memory_mb", n) for part in rows.values()]
        memory = max(*grown, *(part["memory_mb"].max() for part in pixels.values())) / 1000
        lines.append(
            f"| {survey} | {n:,} | {hours[0]:,.1f} | {hours[1]:,.0f} | {disk:,.0f} | {memory:,.0f} | {n + 6:,} |"
        )
    return "\n".join(lines)


def index_choice(table):
    """Return the table of compressed indexes."""
    head = [name.replace("_", " ") for name in table]
    rows = [" | ".join(str(value) for value in row) for row in table.itertuples(index=False)]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {row} |" for row in rows)])


def machine():
    """Return what this was measured on, in words."""
    names = [
        line.partition(":")[2].strip() for line in CPUINFO.read_text().splitlines() if line.startswith("model name")
    ]
    load = " / ".join(f"{value:.0f}" for value in os.getloadavg())
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, load {load} when the page was written"


INTRODUCTION = """# How GalSpec grows

`python -m benchmarks.scale` wrote this page from benchmarks/scale.csv: each stage of the workflow runs in a process of its
own, with its real script, on made-up catalogues, embeddings and spectra of growing number. Other work ran beside it, so times on
the clock say little: read those of the processor. Machine:
{machine}.

![time and memory against the number of spectra](../docs/images/scale.png)

## Measured

Memory is the highest of the process, with the libraries in it. For the pixel stages one process does all shards, one after
another, so that its memory is that of its largest job. The exponent p is that of time ~ n^p between the two largest sizes.
Start-up, some seconds, is in every number."""

FORMULAS = """## Whole surveys

From the measurements alone: time of a stage at n spectra = time at the largest size + slope x (n - that size), where the slope
is the rise between the two largest sizes; hours are the sum of the stages / 3600. Disk = sum of the stages' slopes x n.
Memory = that of the most demanding stage: by the same formula, or, for pixels, the highest measured, as a job does one shard
however many there are. Requests = one per spectrum and one per catalogue. Hours are those
of one processor. The Transformer's training and embedding are not in it: they need a GPU, and were not measured here."""

AFTER = """One job does about 1,000 spectra, so pixel hours divide by the number of cores; the catalogue stages are one job each.
One of 30 spectra is voted on, so exact votes grow with the square of n: beyond search.memory_gb (here 0.4, with 128 numbers a
spectrum: between 300,000 and 1,000,000) the compressed index takes over. The dry run plans results/table4.csv from nothing."""

INDEX_CHOICE = """## Which compressed index

`python -m benchmarks.index_choice`: recall of the 10 nearest by the index alone, and after its candidates are ranked by exact
distances; effort is the number of cells looked into (for hnsw, a quarter of the candidates followed), time that of one query on
the processor. One bit a number loses nothing that ranking does not bring back, in a sixth of the space of 8 bits and in less
time; hnsw finds as much as fast, in eight times the space. A product quantiser of 96 parts is not in the table: after 280 s on
the clock it was not built, where the slowest of these took 9 s on the processor."""


if __name__ == "__main__":
    write_page(pd.read_csv(Path(__file__).with_name("scale.csv")))
