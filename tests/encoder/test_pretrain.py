"""Pre-training: it learns, it resumes to the same curve, it stops for good reasons."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from galspec_core.encoder import pretrain as module
from galspec_core.encoder.checkpoint import hold
from galspec_core.encoder.pretrain import TrainingConfig, pretrain
from galspec_core.encoder.weights import load_weights
from galspec_core.errors import ConfigError, TrainingError
from galspec_core.spectra.shard import Gridded, write_gridded
from tests.encoder.conftest import ENTRY, GRID, RUN, TRAINING, make_spectra

IDS = make_spectra(100).specobjid
SAME = ["step", "epoch", "train_loss", "validation_loss", "lr"]


def train(shards, folder, run=RUN, ids=IDS, **training):
    """Pre-train on the first 80 of ``ids``, validate on the rest; return the history and the weights."""
    entry = {**ENTRY, "training": {**TRAINING, **training}}
    folder.mkdir(exist_ok=True)
    paths = folder / "checkpoint", folder / "weights.safetensors", folder / "history.csv"
    pretrain(entry, run, GRID, shards, ids[:80], ids[80:], *paths)
    return pd.read_csv(paths[2]), load_weights(paths[1])[0]


def same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_the_loss_falls_and_the_history_says_how(shards, tmp_path):
    history, _ = train(shards, tmp_path / "a", steps=150, validate_every=25)
    assert list(history.columns) == ["step", "epoch", "train_loss", "validation_loss", "lr", "spectra_per_s"]
    assert history["step"].tolist() == [25, 50, 75, 100, 125, 150]
    assert history["validation_loss"].iloc[-1] < 0.5 * history["validation_loss"].iloc[0]
    assert not (tmp_path / "a/checkpoint").exists()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(shards, tmp_path):
    first, second, third = (train(shards, tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    pd.testing.assert_frame_equal(first[0][SAME], second[0][SAME])
    assert same(first[1], second[1])
    assert not same(first[1], third[1])


@pytest.mark.parametrize("fatal", [2, 9, 17, 29])
def test_a_training_that_broke_off_goes_on_to_the_same_curve(shards, tmp_path, monkeypatch, fatal):
    whole = train(shards, tmp_path / "whole")
    step = module.Trainer._step

    def broken(self, *batch):
        if self.course.step == fatal:
            raise KeyboardInterrupt
        step(self, *batch)

    monkeypatch.setattr(module.Trainer, "_step", broken)
    with pytest.raises(KeyboardInterrupt):
        train(shards, tmp_path / "cut")
    monkeypatch.setattr(module.Trainer, "_step", step)
    resumed = train(shards, tmp_path / "cut")
    pd.testing.assert_frame_equal(whole[0][SAME], resumed[0][SAME])
    assert same(whole[1], resumed[1])


SCRIPT = """
import sys, time; from pathlib import Path; import tests.encoder.test_pretrain as t
folder, out, fatal = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
step = t.module.Trainer._step
def stuck(self, *batch):
    if self.course.step == fatal:
        (out / "stuck").touch()
        time.sleep(600)
    step(self, *batch)
t.module.Trainer._step = stuck
t.train(sorted(folder.glob("*.parquet")), out)
"""


@pytest.mark.parametrize("fatal", np.random.default_rng(2025).integers(1, 30, 2).tolist())
def test_a_killed_training_leaves_no_lock_and_goes_on_to_the_same_curve(shards, tmp_path, fatal):
    whole = train(shards, tmp_path / "whole")
    killed, root = tmp_path / "killed", Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(shards[0].parent), str(killed), str(fatal)]
    with subprocess.Popen(command, cwd=root, env=environment) as trainer:
        try:
            wait_for(killed / "stuck", trainer)
            with pytest.raises(TrainingError, match=f"another trainer holds this checkpoint.*process {trainer.pid}"):
                train(shards, killed)
        finally:
            trainer.kill()
    assert trainer.returncode == -signal.SIGKILL
    resumed = train(shards, killed)
    pd.testing.assert_frame_equal(whole[0][SAME], resumed[0][SAME])
    assert same(whole[1], resumed[1])


def wait_for(path, process, seconds=60):
    """Return when ``path`` is there; fail if the process ends before, or time runs out."""
    limit = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, "the trainer ended by itself"
        assert time.monotonic() < limit, "the trainer never came that far"
        time.sleep(0.01)


def test_a_checkpoint_of_other_settings_is_not_resumed(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "forget", lambda folder: None)
    train(shards, tmp_path / "a", steps=20)
    monkeypatch.undo()
    afresh = train(shards, tmp_path / "a")
    assert same(afresh[1], train(shards, tmp_path / "b")[1])


def test_a_checkpoint_of_other_spectra_is_not_resumed(shards, tmp_path, monkeypatch):
    """As many spectra, but others: the whole history is new."""
    monkeypatch.setattr(module, "forget", lambda folder: None)
    train(shards, tmp_path / "a")
    monkeypatch.undo()
    others = [train(shards, tmp_path / name, ids=IDS[::-1])[1] for name in ("a", "b")]
    assert same(*others)


def test_a_checkpoint_that_cannot_be_read_is_not_resumed(shards, tmp_path):
    (tmp_path / "a/checkpoint").mkdir(parents=True)
    (tmp_path / "a/checkpoint/last.pt").write_bytes(b"not a checkpoint")
    assert same(train(shards, tmp_path / "a")[1], train(shards, tmp_path / "b")[1])


def test_two_trainers_cannot_hold_one_checkpoint(tmp_path):
    with hold(tmp_path / "c"), pytest.raises(TrainingError, match=f"process {os.getpid()}"), hold(tmp_path / "c"):
        pass
    with hold(tmp_path / "c"):
        pass


def test_a_loss_that_is_not_finite_stops_with_the_spectrum_named(shards, tmp_path):
    whole = make_spectra(100)
    whole.flux[3, 7] = np.nan
    write_gridded(shards[0], Gridded(*(getattr(whole, key)[:30] for key in ("specobjid", "z", "flux", "ivar"))))
    with pytest.raises(TrainingError, match=f"loss is nan at step .* flux is not finite in {2**63 + 3}"):
        train(shards, tmp_path / "a")
    assert not (tmp_path / "a/weights.safetensors").exists()


def test_a_validation_spectrum_that_is_not_finite_is_named(shards, tmp_path):
    whole = make_spectra(100)
    whole.flux[90, 7] = np.nan
    write_gridded(shards[3], Gridded(*(getattr(whole, key)[70:] for key in ("specobjid", "z", "flux", "ivar"))))
    with pytest.raises(TrainingError, match=f"loss is nan at step 10, validation: flux is not finite in {2**63 + 90}"):
        train(shards, tmp_path / "a")


def test_without_validation_spectra_the_training_loss_judges(shards, tmp_path):
    history, weights = train(shards, tmp_path / "a", ids=IDS[:80])
    assert history["validation_loss"].isna().all()
    assert "position" in weights


def test_training_in_bfloat16_learns_too(shards, tmp_path):
    run = {**RUN, "precision": "bfloat16"}
    history, weights = train(shards, tmp_path / "a", run=run, steps=100, validate_every=25)
    assert history["validation_loss"].iloc[-1] < 0.7 * history["validation_loss"].iloc[0]
    assert {tensor.dtype for tensor in weights.values()} == {np.dtype("f4")}


def test_a_training_that_diverges_says_so(shards, tmp_path):
    with pytest.raises(TrainingError, match="the training diverged"):
        train(shards, tmp_path / "a", lr=1e30, clip=1e30, warmup=0)


def test_training_stops_early_when_nothing_is_gained(shards, tmp_path):
    history, _ = train(shards, tmp_path / "a", lr=1e-12, steps=1000, patience=2)
    assert history["step"].iloc[-1] < 200


def test_training_stops_when_the_time_is_up(shards, tmp_path):
    history, _ = train(shards, tmp_path / "a", steps=100_000, max_minutes=0.01)
    assert 0 < history["step"].iloc[-1] < 100_000


def test_the_best_weights_are_kept_not_the_last(shards, tmp_path, monkeypatch):
    losses = iter([0.3, 0.1, 0.2])
    saved = {}

    def save(folder, state, name="last"):
        saved[name] = {key: value.clone() for key, value in state.items()} if name == "best" else state
        torch.save(state, folder / f"{name}.pt")

    monkeypatch.setattr(module.Trainer, "validation_loss", lambda self: next(losses))
    monkeypatch.setattr(module, "save_checkpoint", save)
    history, weights = train(shards, tmp_path / "a")
    assert history["validation_loss"].tolist() == [0.3, 0.1, 0.2]
    assert same(saved["best"], weights)


def test_the_learning_rate_rises_then_falls_as_a_cosine():
    config = TrainingConfig(seed=0, batch=32, steps=500_000, warmup=2000, lr=1e-5)
    assert config.lr_at(999) == pytest.approx(0.5e-5)
    assert config.lr_at(1999) == config.lr_at(2000) == pytest.approx(1e-5)
    assert config.lr_at(2000 + 249_000) == pytest.approx(0.5e-5)
    assert config.lr_at(500_000) == pytest.approx(0, abs=1e-12)


def test_an_unknown_training_key_is_named(shards, tmp_path):
    with pytest.raises(ConfigError, match="learning_rate"):
        train(shards, tmp_path / "a", learning_rate=1)
