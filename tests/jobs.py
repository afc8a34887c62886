"""Jobs as Snakemake runs them, without Snakemake: each writes files and leaves their records."""

from pathlib import Path
from types import SimpleNamespace

from galspec_core.job import job

SCRIPTS = Path(__file__).parents[1] / "workflow_scripts"
SHARDS = [f"results/spectra/rest/{i:04d}.parquet" for i in range(4)]
WEIGHTS = "results/encoder/pca/weights.safetensors"
TABLE = "results/table4.csv"


def pretend(rule, outputs, inputs=(), params=None, wildcards=None):
    """Return what a script of the workflow finds as ``snakemake``."""
    Path("logs").mkdir(exist_ok=True)
    return SimpleNamespace(
        rule=rule,
        output=list(outputs),
        input=list(inputs),
        params=params or {},
        wildcards=wildcards or {},
        log=[f"logs/{rule}.log"],
        threads=1,
        config={"search": {"bootstrap": 50}},
        scriptdir=str(SCRIPTS),
    )


def run_job(rule, outputs, inputs=(), params=None, wildcards=None):
    """Run a job that writes its name and the text of its inputs to every output."""
    with job(pretend(rule, outputs, inputs, params, wildcards)):
        text = rule + "".join(Path(path).read_text() for path in inputs)
        for path in outputs:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(f"{path} by {text}\n")


def make_run(sample):
    """Make a run from a catalogue outside of it: catalogue, four shards, weights, table."""
    Path(sample).write_text("from the archive")
    catalog = "results/catalogs/specobj.parquet"
    run_job("read_catalog", [catalog], [sample], {"settings": {"seeds": [0, 1]}}, {"catalog": "specobj"})
    for path in SHARDS:
        run_job("grid_shard", [path], [catalog], {}, {"shard": Path(path).stem})
    run_job("pretrain_encoder", [WEIGHTS], SHARDS, {"entry": {"training": {"seed": 7}}, "shards": SHARDS})
    run_job("score_tasks", [TABLE], [WEIGHTS, catalog], {"bootstrap": 50, "code": "0123456789abcdef"})
