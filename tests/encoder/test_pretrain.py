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
from tests.encoder.conftest import ENTRY, GRID, RUN, make_spectra

IDS = make_spectra(100).specobjid
SAME = ["step", "epoch", "train_loss", "validation_loss", "lr"]


def train(shards, folder, entry=ENTRY, **training):
    entry = {**entry, "training": {**entry["training"], **training}}
    folder.mkdir(exist_ok=True)
    paths = folder / "checkpoint", folder / "weights.safetensors", folder / "history.csv"
    pretrain(entry, RUN, GRID, shards, IDS[:80], IDS[80:], *paths)
    return pd.read_csv(paths[2]), load_weights(paths[1])[0]


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


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
import sys; from pathlib import Path; import tests.encoder.test_pretrain as t
t.train(sorted(Path(sys.argv[1]).glob("*.parquet")), Path(sys.argv[2]), steps=400, validate_every=50, checkpoint_every=5)
"""


def test_a_killed_training_leaves_no_lock_and_goes_on_to_the_same_curve(shards, tmp_path):
    options = dict(steps=400, validate_every=50, checkpoint_every=5)
    whole = train(shards, tmp_path / "whole", **options)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(shards[0].parent), str(tmp_path / "killed")]
    trainer = subprocess.Popen(command, cwd=root, env=environment)
    last, limit = tmp_path / "killed/checkpoint/last.pt", time.monotonic() + 60
    while not last.exists() and trainer.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    with pytest.raises(TrainingError, match=f"another trainer holds this checkpoint.*process {trainer.pid}"):
        train(shards, tmp_path / "killed", **options)
    trainer.send_signal(signal.SIGKILL)
    assert trainer.wait(30) == -signal.SIGKILL
    resumed = train(shards, tmp_path / "killed", **options)
    pd.testing.assert_frame_equal(whole[0][SAME], resumed[0][SAME])
    assert same(whole[1], resumed[1])


def test_a_checkpoint_of_other_settings_is_not_resumed(shards, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "forget", lambda folder: None)
    train(shards, tmp_path / "a", steps=20)
    monkeypatch.undo()
    afresh = train(shards, tmp_path / "a")
    assert same(afresh[1], train(shards, tmp_path / "b")[1])


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
