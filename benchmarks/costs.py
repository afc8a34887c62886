"""Write config/costs.csv, the CPU seconds of a job of each rule, from the benchmark files of a finished run.

python -m benchmarks.costs runs/demo config.yaml config/embedded.yaml
"""

import sys
from pathlib import Path

import pandas as pd

from galspec_core.config import load_config
from galspec_core.cost import MEASURED, PER_SHARD
from galspec_core.doctor import count_spectra
from galspec_core.files import write_csv


def measure(folder):
    """Return a table of rule and mean CPU seconds of its jobs; wall time where a job was too short to be sampled."""
    rows = []
    for path in Path(folder, "benchmarks").rglob("*.tsv"):
        stage, rule = path.relative_to(Path(folder, "benchmarks")).with_suffix("").parts[:2]
        line = pd.read_csv(path, sep="\t", na_values=["NA", "-"]).iloc[-1]
        rows.append((stage, rule, line["s"] if pd.isna(line["cpu_time"]) else max(line["cpu_time"], 0.1)))
    table = pd.DataFrame(rows, columns=["stage", "rule", "cpu_seconds"])
    return table.groupby(["stage", "rule"], as_index=False)["cpu_seconds"].mean()


def main(folder, *configs):
    """Write the table of one run."""
    config = load_config(configs)
    table, n = measure(folder), count_spectra(config)
    shards = config["spectra"]["n_shards"]
    table["spectra"] = [round(n / shards) if rule in PER_SHARD else n for rule in table["rule"]]
    write_csv(table.round({"cpu_seconds": 1}), MEASURED)


if __name__ == "__main__":
    main(*sys.argv[1:])
