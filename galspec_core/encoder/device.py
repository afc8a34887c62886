"""Where and how exactly an encoder computes: device, threads, precision."""

import os
from contextlib import nullcontext

import torch

from galspec_core.errors import ConfigError
from galspec_core.log import logger


def pick_device(name):
    """Return the torch device for "cpu", "cuda" or "auto"; raise ConfigError if cuda is asked for and not there."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("torch sees no GPU", item="encoder.device", got="cuda", remedy="Set it to auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def training_precision(name, device):
    """Return a context for the forward pass in training: "float32", "bfloat16", or "auto".

    "auto" is bfloat16 on a GPU that has it, float32 on a CPU: there, autocast trains at 0.53-0.62 of float32's rate
    (measured at widths 128 to 768 with 91 patches, on a processor with AVX-512 BF16 and without AMX).
    """
    gains = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "bfloat16" or (name == "auto" and gains):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def compile_network(model, choice, device):
    """Have torch compile a network's forward pass where ``choice`` is "yes", or "auto" and it runs on a GPU; return it.

    On a CPU it does not pay: 5 % more steps a second for 80 s of compiling (measured at width 128 with 3 layers).
    """
    if choice == "yes" or (choice == "auto" and device.type == "cuda"):
        torch._dynamo.config.suppress_errors = choice == "auto"  # what cannot be compiled runs as it is
        model.compile()
    return model


def set_up(run):
    """Set threads and precision of float32 products from the ``encoder`` section and return the device.

    On a GPU they are made of TensorFloat-32, whose 10 bits are more than bfloat16's 7; on a CPU all of float32's 23 stay.
    """
    device = pick_device(run.get("device", "auto"))
    torch.set_float32_matmul_precision("high" if device.type == "cuda" else "highest")
    torch.set_num_threads(min(run.get("torch_threads", 2), os.cpu_count() or 1))
    logger.info("device %s, %d threads, precision %s", device, torch.get_num_threads(), run.get("precision", "auto"))
    return device
