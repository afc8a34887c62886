"""Weights of an encoder: safetensors with the configuration inside and beside them."""

import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from galspec_core.errors import ConfigError, SearchError
from galspec_core.files import replace


def save_weights(path, tensors, entry, grid):
    """Write tensors, of NumPy or torch, to ``path`` and the encoder's entry and grid to its metadata and to config.json beside it."""
    config = json.dumps({"entry": entry, "grid": grid}, indent=2, sort_keys=True)
    arrays = {name: _array(tensor) for name, tensor in tensors.items()}
    with replace(path) as temporary:
        save_file(arrays, temporary, metadata={"galspec": config})
    with replace(Path(path).with_name("config.json")) as temporary:
        Path(temporary).write_text(config + "\n")


def _array(tensor):
    return np.array(tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor, order="C")


def load_weights(path):
    """Return (tensors, entry, grid) of a weights file; tensors are NumPy arrays by name.

    Raises
    ------
    SearchError
        If the file is missing, cut short, not written by GalSpec (a pickle is never opened), or holds NaN.
    """
    try:
        with safe_open(path, framework="np") as file:
            config = json.loads((file.metadata() or {})["galspec"])
            entry, grid = ({**config[key]} for key in ("entry", "grid"))
            _ = entry["kind"], grid["pixels"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        raise SearchError(
            "no encoder weights can be read", item=path, got=str(error)[:120], remedy="Pre-train the encoder again"
        ) from None
    bad = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if bad:
        raise SearchError(
            "the weights are not finite", item=path, got=", ".join(bad), remedy="Pre-train the encoder again"
        )
    return tensors, entry, grid


@contextmanager
def fitting(path):
    """Raise SearchError naming the file ``path`` where its tensors turn out not to fit its configuration."""
    try:
        yield
    except (ConfigError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, ImportError) as error:
        what, remedy = "the weights do not fit their configuration", "Pre-train the encoder again"
        raise SearchError(what, item=path, got=str(error)[:200], remedy=remedy) from None
