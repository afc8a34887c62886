"""Checkpoints of a training: written whole, resumed exactly, held by one trainer at a time."""

import fcntl
import hashlib
import json
import os
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path

import torch

from galspec_core.errors import TrainingError
from galspec_core.files import replace
from galspec_core.log import logger


@contextmanager
def hold(folder):
    """Hold a checkpoint folder against other trainers; the lock goes with the process, however that ends.

    Raises
    ------
    TrainingError
        If another process holds it; the message says which.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            raise TrainingError(
                "another trainer holds this checkpoint",
                item=folder,
                got=handle.read().strip() or "unknown process",
                remedy="Wait for it, or stop it",
            ) from None
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        handle.flush()
        yield folder


def fingerprint(*settings):
    """Return a hash of settings: a checkpoint made with others is not resumed."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def save_checkpoint(folder, state, name="last"):
    """Write a training state, whole or not at all."""
    with replace(Path(folder) / f"{name}.pt") as temporary, open(temporary, "wb") as file:
        torch.save(state, file)  # a file of Python says why it cannot be written


def load_checkpoint(folder, mark):
    """Return the last state of a training with this fingerprint, None where there is none that can be resumed."""
    path = Path(folder) / "last.pt"
    if not path.exists():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        logger.warning("%s cannot be read (%s): training starts afresh", path, error)
        return None
    if not isinstance(state, dict) or state.get("mark") != mark:
        logger.info("%s belongs to other settings or spectra: training starts afresh", path)
        return None
    return state


def forget(folder):
    """Remove the checkpoints of a finished training."""
    shutil.rmtree(folder, ignore_errors=True)
