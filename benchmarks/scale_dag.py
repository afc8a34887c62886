"""What Snakemake needs to plan a survey: a dry run to table 4 from nothing, about 1,000 spectra a shard.

python -m benchmarks.scale_dag STAGE FOLDER SPECTRA
"""

import os
import sys
from pathlib import Path

import yaml

ROOT, SHARD_ROWS = Path(__file__).parents[1], 1000
OTHERS = 50_000  # labelled spectra and query spectra, beside those that pre-train


def plan(folder, n):
    """Become a dry run of config.yaml with as many shards as ``n`` spectra fill."""
    overlay = folder / "overlay.yaml"
    sizes = {"spectra": {"n_shards": -(-n // SHARD_ROWS)}, "catalogs": {"sample": {"n_pretrain": max(1, n - OTHERS)}}}
    overlay.write_text(yaml.safe_dump(sizes))
    words = [
        "--dry-run",
        "--quiet",
        "all",
        "--cores",
        "2",
        "--directory",
        str(folder),
        "--snakefile",
        str(ROOT / "Snakefile"),
    ]
    words += ["--configfile", str(ROOT / "config.yaml"), str(overlay), "--", "results/table4.csv"]
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *words])


DAG_STAGES = {"dry run": plan}


if __name__ == "__main__":
    DAG_STAGES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
