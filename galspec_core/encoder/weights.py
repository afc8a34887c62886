"""Weights of an encoder: safetensors with the configuration inside and beside them."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from galspec_core.errors import SearchError
from galspec_core.files import replace


def save_weights(path, tensors, entry, grid):
    """Write tensors to ``path`` and the encoder's entry and grid to its metadata and to config.json beside it."""
    config = json.dumps({"entry": entry, "grid": grid}, indent=2, sort_keys=True)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with replace(path) as temporary:
        save_file(tensors, temporary, metadata={"galspec": config})
    with replace(Path(path).with_name("config.json")) as temporary:
        Path(temporary).write_text(config + "\n")


def load_weights(path):
    """Return (tensors, entry, grid) of a weights file.

    Raises
    ------
    SearchError
        If the file is missing, cut short, or not written by GalSpec.
    """
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["galspec"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise SearchError(
            "no encoder weights can be read", item=path, got=str(error)[:120], remedy="Pre-train the encoder again"
        ) from None
    return tensors, config["entry"], config["grid"]
