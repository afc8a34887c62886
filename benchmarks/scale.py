"""How time and memory of every stage grow with the survey: catalogues, sample, search, and the pixels of spectra.

python -m benchmarks.scale [--rows 1000 10000 ...] [--spectra 1000 3000 ...] [--planned 300000 ...] [--folder FOLDER]
    [--only STAGE ...]

Each stage runs in a process of its own; its time on the processor, on the clock, and its highest memory are written to
benchmarks/scale.csv as they come. Then the plot docs/images/scale.png and the page benchmarks/scale.md are drawn anew.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.scale_dag import DAG_STAGES
from benchmarks.scale_page import write_page
from benchmarks.scale_pixels import PIXEL_STAGES
from benchmarks.scale_stages import DIMENSION, STAGES
from galspec_core.sas import check_free_space

TABLE, MEASURED = (Path(__file__).with_name(name) for name in ("scale.csv", "measured.py"))
ROWS = [1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000]
PLANNED = [300_000, 3_000_000]
SPECTRA = [1_000, 3_000, 10_000, 30_000]
ROW_BYTES = 1_000 + 3 * 4 * DIMENSION  # catalogues, embeddings, vectors and index of one row, at most
PLAN_BYTES = 100  # what a dry run leaves
SPECTRUM_BYTES = 200_000  # native shard, three grids and embeddings of one spectrum, at most
EVERY = [*STAGES, *PIXEL_STAGES, *DAG_STAGES]
COLUMNS = ["stage", "n", "cpu_s", "wall_s", "memory_mb", "disk_mb"]


def main():
    """Measure all stages at all sizes and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--spectra", type=int, nargs="*", default=SPECTRA)
    parser.add_argument("--planned", type=int, nargs="*", default=PLANNED)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument(
        "--only",
        nargs="*",
        choices=EVERY,
        help="stages to measure anew; those before them run, but are not written down",
    )
    options = parser.parse_args()
    wanted = options.only or EVERY
    for module, stages, sizes, per_row in (
        ("benchmarks.scale_dag", DAG_STAGES, options.planned, PLAN_BYTES),
        ("benchmarks.scale_stages", STAGES, options.rows, ROW_BYTES),
        ("benchmarks.scale_pixels", PIXEL_STAGES, options.spectra, SPECTRUM_BYTES),
    ):
        last = max((i for i, stage in enumerate(stages, 1) if stage in wanted), default=0)
        for n in sizes if last else ():
            check_free_space(options.folder, n * per_row)
            with tempfile.TemporaryDirectory(prefix="scale.", dir=options.folder) as folder:
                for stage in list(stages)[:last]:
                    row = measure(module, stage, Path(folder), n)
                    if stage in wanted:
                        keep(row)
    write_page(pd.read_csv(TABLE))


def measure(module, stage, folder, n):
    """Return one row of the table: a stage run on ``n`` spectra in a process of its own."""
    before, start = size(folder), time.perf_counter()
    command = [sys.executable, "-m", module, stage, str(folder), str(n)]
    said = subprocess.run([sys.executable, str(MEASURED), *command], stdout=subprocess.PIPE, check=True).stdout.split()
    status, cpu, memory = int(said[0]), float(said[1]), int(said[2]) / 1024
    if status:
        raise SystemExit(f"{stage} with {n:,} spectra ended with status {status}")
    wall = time.perf_counter() - start
    row = [stage, n, round(cpu, 2), round(wall, 2), round(memory, 1), round((size(folder) - before) / 1e6, 2)]
    print(*row, sep="\t", flush=True)
    return pd.DataFrame([row], columns=COLUMNS)


def size(folder):
    """Return the bytes of all files below a folder, those with several names once."""
    facts = {(path.stat().st_ino, path.stat().st_size) for path in folder.rglob("*") if path.is_file()}
    return sum(length for _, length in facts)


def keep(row):
    """Put one row into the table in place of an older one."""
    old = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=COLUMNS)
    both = pd.concat([old.astype(row.dtypes), row]) if len(old) else row
    order = {stage: i for i, stage in enumerate(EVERY)}
    both = both.drop_duplicates(["stage", "n"], keep="last")
    both.sort_values(["stage", "n"], key=lambda c: c.map(order) if c.name == "stage" else c).to_csv(TABLE, index=False)


if __name__ == "__main__":
    main()
