"""Where and in which precision an encoder computes."""

import pytest
import torch

from galspec_core.encoder.device import pick_device, training_precision
from galspec_core.errors import ConfigError


def dtype_of_product(precision):
    with training_precision(precision, torch.device("cpu")):
        return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype


def test_on_a_processor_auto_is_float32():
    assert dtype_of_product("auto") == dtype_of_product("float32") == torch.float32
    assert dtype_of_product("bfloat16") == torch.bfloat16


def test_auto_takes_bfloat16_on_a_gpu_that_has_it(monkeypatch):
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        monkeypatch.setattr(torch, "autocast", lambda *args, **keys: (args, keys))
        chosen = training_precision("auto", torch.device("cuda"))
        assert (chosen == (("cuda",), {"dtype": torch.bfloat16})) is has


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="no GPU"):
        pick_device("cuda")
