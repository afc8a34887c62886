"""What a run will cost, said at the end of a dry run: jobs, hours, disk and requests, scaled from a measured run."""

import csv
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

from galspec_core.doctor import CATALOG_BYTES, NATIVE_BYTES, count_query, count_spectra
from galspec_core.sas import is_url

MEASURED = Path(__file__).parent.parent / "config" / "costs.csv"
START = 3.0  # seconds of every job before its work: Python and its imports
CPU_FLOPS = 68e9  # float32 operations per second of one core (measured, matrix products on two quiet cores)
GPU_FLOPS = 5e13  # sustained by one GPU: an assumption, a sixth of an A100's bfloat16 peak
REQUESTS_PER_CATALOG = 3  # the folder's page, its sha1sum file, the file
PER_SHARD = ("fetch_shard", "grid_shard", "embed_shard")


@dataclass(frozen=True)
class Cost:
    """What some jobs need: number of jobs, hours of one core and of one GPU, bytes written, requests to the server."""

    jobs: int = 0
    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    disk_bytes: float = 0.0
    requests: float = 0.0

    def __add__(self, other):
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self):
        hours = f"{_rounded(self.cpu_hours)} CPU hours, {_rounded(self.gpu_hours)} GPU hours"
        return (
            f"{self.jobs:,} jobs, {hours}, {_rounded(self.disk_bytes / 1e9)} GB of disk, {self.requests:,.0f} requests"
        )


def _rounded(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def read_measured(path=MEASURED):
    """Return {rule: (CPU seconds of one job, spectra it handled)} of a measured run."""
    with open(path, newline="") as file:
        return {row["rule"]: (float(row["cpu_seconds"]), float(row["spectra"])) for row in csv.DictReader(file)}


def forward_flops(entry, grid):
    """Return the operations of one spectrum through a Transformer encoder: matrix products and attention.

    12 layers·width² weights, each used twice for each of the tokens, and 4 layers·tokens²·width for attention.
    """
    tokens = (grid["pixels"] - entry["patch"]) // (entry["patch"] - entry["overlap"]) + 1
    layers, width = entry["layers"], entry["width"]
    return 2 * 12 * layers * width**2 * tokens + 4 * layers * tokens**2 * width


def estimate(jobs, config, measured):
    """Return the Cost of jobs, each an object with ``rule``, ``wildcards`` and ``resources`` as Snakemake gives them."""
    spectra = count_spectra(config)
    return sum((_cost_of(job, config, measured, spectra) for job in jobs), Cost())


def _cost_of(job, config, measured, spectra):
    """Return the Cost of one job of a survey of ``spectra`` spectra."""
    rule, wildcards = job.rule.name, job.wildcards
    n = _in_shard(wildcards.shard, config, spectra) if rule in PER_SHARD else spectra
    seconds, of = measured.get(rule, (START, n))
    cost = Cost(jobs=1, cpu_hours=(START + max(seconds - START, 0.0) * n / of) / 3600)
    if rule == "fetch_catalog":
        return cost + Cost(disk_bytes=CATALOG_BYTES / len(config["catalogs"]["files"]), requests=REQUESTS_PER_CATALOG)
    if rule == "fetch_shard":
        return cost + Cost(disk_bytes=NATIVE_BYTES * n, requests=n if is_url(str(config["sas"])) else 0)
    if rule == "grid_shard":
        return cost + Cost(disk_bytes=8 * config["spectra"]["grids"][wildcards.grid]["pixels"] * n)
    if rule in ("pretrain_encoder", "embed_shard"):
        return _cost_of_encoder(cost, rule, config, config["encoders"][wildcards.encoder], n)
    return cost


def _in_shard(shard, config, spectra):
    """Return the number of spectra of one shard; those of the query part are numbered after the others."""
    shards = config["spectra"]["n_shards"]
    return spectra / shards if int(shard) < shards else count_query(config) / config["spectra"]["query_shards"]


def _cost_of_encoder(cost, rule, config, entry, n):
    """Return the Cost of training or embedding: networks by their operations, other encoders as measured."""
    training = entry.get("training")
    disk = 4 * entry.get("width", entry.get("components", 0)) * n if rule == "embed_shard" else 0
    if not training:
        return cost + Cost(disk_bytes=disk)
    spectra = 3 * training["steps"] * training["batch"] if rule == "pretrain_encoder" else n  # back costs twice forth
    flops = spectra * forward_flops(entry, config["spectra"]["grids"][entry["grid"]])
    on_cpu = config["encoder"]["device"] == "cpu"
    hours = flops / (CPU_FLOPS if on_cpu else GPU_FLOPS) / 3600
    return Cost(1, START / 3600, 0.0, disk) + (Cost(cpu_hours=hours) if on_cpu else Cost(gpu_hours=hours))


def say_cost(workflow, config):
    """Print what the jobs of a dry run would cost; say nothing of any other run."""
    dag = workflow.dag if workflow.executor_plugin is not None and workflow.dryrun else None
    if dag is not None and (jobs := list(dag.needrun_jobs(exclude_finished=False))):
        cost = estimate(jobs, config, read_measured())
        print(f"Cost of these jobs, estimated from a measured run: {cost}.", file=sys.stderr)
