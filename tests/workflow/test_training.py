"""What one training asks of a machine or a cluster, as the configuration says."""

import re

import pytest

from tests.workflow.conftest import Run

pytestmark = pytest.mark.workflow


def asked(folder, gpus, nodes):
    """Return {resource: value} and the threads of a dry run of the paper's encoder, where no limit is in the way."""
    run = Run(folder)
    (folder / "several.yaml").write_text(f"encoder: {{gpus: {gpus}, nodes: {nodes}, torch_threads: 2}}\n")
    words = ["--dry-run", "--cores", "99", "--resources", "gpu=99", "downloads=9", "--"]
    done = run.snakemake(
        *words, "results/encoder/paper/weights.safetensors", overlays=("config/tiny.yaml", "several.yaml")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    job = re.search(r"rule pretrain_encoder:\n(?:    .*\n)+", done.stdout + done.stderr).group()
    resources = re.search(r"resources: (.*)", job).group(1)
    threads = re.search(r"threads: (\d+)", job)
    return dict(re.findall(r"(\w+)=([^,\s]+)", resources)), int(threads.group(1)) if threads else 1


def test_one_gpu_asks_for_nothing_special(tmp_path):
    resources, threads = asked(tmp_path, 1, 1)
    assert (resources["gpu"], resources["mem_mb"], threads) == ("1", "12000", 2)
    assert not {"nodes", "tasks", "mpi", "slurm_extra"} & set(resources)


def test_several_gpus_are_on_one_node(tmp_path):
    resources, threads = asked(tmp_path, 4, 1)
    assert (resources["gpu"], resources["nodes"], resources["mem_mb"], threads) == ("4", "1", "48000", 8)
    assert not {"tasks", "mpi", "slurm_extra"} & set(resources)


def test_several_nodes_have_one_task_and_as_many_gpus_each(tmp_path):
    """SLURM counts gpu over the whole job, memory and CPUs by node or task; mpi lets the job start its own srun."""
    resources, threads = asked(tmp_path, 4, 2)
    assert (resources["gpu"], resources["nodes"], resources["tasks"], threads) == ("8", "2", "2", 8)
    assert (resources["mpi"], resources["slurm_extra"]) == ("srun", "--gpus-per-node=4")
    assert resources["mem_mb"] == "48000"
