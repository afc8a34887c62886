"""Training in several processes: it is the training of one, whatever their number and whatever happens to them.

Two processes add up the same numbers in another order, so they agree to float32 rounding and no better. Losses do to 1e-5:
rounding, 1e-7, and some steps in which it grows. Weights do to 1e-5 too, but for the biases of attention's keys: no output
depends on them, their gradient is rounding alone, and AdamW divides by its size. They are left out here.
"""

import os

import numpy as np
import pandas as pd
import pytest
import torch

from galspec_core.encoder import launch as module
from galspec_core.encoder import pretrain
from galspec_core.encoder.launch import command, launch
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.team import Team
from galspec_core.encoder.weights import load_weights
from galspec_core.errors import ConfigError, TrainingError
from galspec_core.log import job_log
from galspec_core.spectra.shard import write_gridded
from tests.encoder.conftest import ENTRY, GRID, RUN, make_spectra

CURVE = ["step", "epoch", "train_loss", "validation_loss", "lr"]
CLOSE = dict(rtol=1e-5, atol=1e-5)
UNEQUAL = make_spectra(97)  # 80 to train on and 17 to validate: of the last of these, alone, one process has none
UNEQUAL.ivar[:] = np.random.default_rng(1).uniform(0, 2500, (97, 1)) * (
    np.random.default_rng(2).random((97, 120)) > 0.2
)
CHI2 = {**ENTRY, "loss": "chi2"}


def train(shards, folder, entry=CHI2, **run):
    """Train on the first 80 spectra, validate on the rest; return the history and the weights."""
    paths = folder / "checkpoint", folder / "weights.safetensors", folder / "history.csv"
    launch(entry, {**RUN, **run}, GRID, shards, UNEQUAL.specobjid[:80], UNEQUAL.specobjid[80:], *paths, "tiny")
    return pd.read_csv(paths[2])[CURVE], load_weights(paths[1])[0]


def thirds(weights):
    """Return weights in three parts along their first axis, or as many as there are."""
    return np.array_split(weights, min(3, len(weights)))


def agree(one, other):
    """Compare two histories and weights, without the biases of attention's keys."""
    pd.testing.assert_frame_equal(one[0], other[0], **CLOSE)
    for name, weights in one[1].items():
        for part, (first, second) in enumerate(zip(thirds(weights), thirds(other[1][name]), strict=True)):
            if not (name.endswith("in_proj_bias") and part == 1):  # query, key, value
                np.testing.assert_allclose(first, second, **CLOSE, err_msg=name)


@pytest.fixture(scope="module")
def unequal(tmp_path_factory):
    """Write spectra of very unequal weight, one of them to a shard of its own; return the shards."""
    folder = tmp_path_factory.mktemp("shards")
    for name, rows in (("0000", slice(0, 1)), ("0001", slice(1, 97))):
        write_gridded(folder / f"{name}.parquet", UNEQUAL[rows])
    return sorted(folder.glob("*.parquet"))


@pytest.fixture(scope="module")
def alone(unequal, tmp_path_factory):
    """Train in one process."""
    return train(unequal, tmp_path_factory.mktemp("alone"))


def test_two_processes_find_what_one_does(unequal, alone, tmp_path):
    agree(alone, train(unequal, tmp_path, gpus=2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "history.csv", "weights.safetensors"]


def test_a_killed_process_ends_all_and_any_number_goes_on_to_the_same_curve(unequal, alone, tmp_path, monkeypatch):
    """Two processes until one is killed, one until it is interrupted, two to the end."""
    with (
        monkeypatch.context() as patch,
        pytest.raises(TrainingError, match=r"tiny: a process .* was killed.*process 1: SIGKILL"),
    ):
        patch.setattr(module, "WORKER", "tests.encoder.worker")
        patch.setenv("FATAL", "7")
        train(unequal, tmp_path, gpus=2)
    assert reached(tmp_path) == 4
    step = pretrain.Trainer._step

    def interrupted(self, batch):
        assert self.course.step >= 4, "the training did not go on"
        if self.course.step == 18:
            raise KeyboardInterrupt
        step(self, batch)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pretrain.Trainer, "_step", interrupted)
        train(unequal, tmp_path)
    assert reached(tmp_path) == 16
    agree(alone, train(unequal, tmp_path, gpus=2))


def reached(folder):
    """Return the step of the last checkpoint."""
    return torch.load(folder / "checkpoint/last.pt", weights_only=True)["course"]["step"]


def test_an_error_of_a_process_is_one_sentence_in_the_log(tmp_path):
    spectra = make_spectra(97)
    spectra.flux[3, 7] = np.nan
    write_gridded(tmp_path / "0000.parquet", spectra)
    with pytest.raises(SystemExit) as stop, job_log(tmp_path / "job.log"):
        train([tmp_path / "0000.parquet"], tmp_path, gpus=2)
    said = str(stop.value).removeprefix("error: ")
    assert said.startswith("the loss is nan at step ")
    assert said.endswith(f"flux is not finite in {2**63 + 3}. Grid these spectra again")
    lines = (tmp_path / "job.log").read_text().splitlines()
    assert lines[-1].endswith(f"ERROR {said}")
    assert sum("device cpu" in line for line in lines) == 1  # one process speaks for all


def test_two_nodes_find_what_one_process_does(unequal, alone, tmp_path, monkeypatch):
    """Two agents of torchrun meet on this machine, started by an srun that knows no cluster."""
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\n"$@" & "$@" & wait $! && wait\n')
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    agree(alone, train(unequal, tmp_path, nodes=2))


def test_the_command_of_several_nodes_asks_for_one_torchrun_on_each(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    words = command(dict(gpus=4, nodes=2, torch_threads=3), "task.json")
    assert words[0] == "srun"
    assert {"--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--gpus-per-node=4", "--cpus-per-task=12"} <= set(words)
    assert {"--nnodes=2", "--nproc-per-node=4", "--rdzv-id=7", "--rdzv-backend=c10d"} <= set(words)
    assert "--gpus-per-node=4" not in command(dict(gpus=4, nodes=2, device="cpu"), "task.json")


def test_several_nodes_without_slurm_are_refused(unequal, tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(ConfigError, match=r"encoder\.nodes: several nodes are SLURM's to give"):
        train(unequal, tmp_path, nodes=2)


def test_a_batch_that_does_not_divide_is_refused(unequal, tmp_path):
    with pytest.raises(ConfigError, match=r"encoders\.tiny\.training\.batch: .* a multiple of .* = 3; got 8"):
        train(unequal, tmp_path, gpus=3)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [1, 2, 3, 8, 50])
def test_every_row_of_a_batch_has_one_process(size):
    rows = [np.arange(32)[Team(rank, size).rows(32)] for rank in range(size)]
    assert np.concatenate(rows).tolist() == list(range(32))
    assert {len(part) for part in rows} <= {32 // size, 32 // size + 1}


@pytest.mark.parametrize("loss", ["mse", "chi2"])
@pytest.mark.parametrize("mask", ["random", "chunk", "chunks"])
def test_sums_over_parts_of_a_batch_make_its_loss(loss, mask):
    torch.manual_seed(0)
    model = build_transformer({**ENTRY, "loss": loss, "mask": mask}, GRID)

    def drawn():
        return torch.Generator().manual_seed(5)

    parts = [model.sums(UNEQUAL, drawn(), slice(*ends)) for ends in ((0, 10), (10, 11), (11, 97))]
    total, count = (sum(values) for values in zip(*parts, strict=True))
    assert float((total / count).detach()) == pytest.approx(float(model.loss(UNEQUAL, drawn()).detach()), rel=1e-5)


def test_the_sentence_about_a_dead_process_says_how_it_ended():
    """Lines as torchrun prints them."""
    output = "Failures:\n[1]:\n  host      : vm\n  rank      : 1 (local_rank: 1)\n  exitcode  : -9 (pid: 40)\n  error_file: <N/A>\n"
    assert "got process 1: SIGKILL. " in str(module._ended("tiny", output, 1))
    assert "got exit status 137. " in str(module._ended("tiny", "srun: error", 137))
