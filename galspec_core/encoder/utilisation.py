"""How much of a device's arithmetic a training uses: its products of matrices against bare ones (model-FLOPs utilisation)."""

import time

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

SIZES = {"cuda": 8192, "cpu": 1536}  # rows and columns of the bare products
ROUNDS = 3
ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # torch counts those on a GPU itself
ATTENTION_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def count_flops(step):
    """Return the floating-point operations of the products of matrices in ``step()``: two for each multiply and add."""
    formulas = {
        ATTENTION: lambda q, k, v, *rest, **other: sdpa_flop_count(q, k, v),
        ATTENTION_BACKWARD: lambda grad, q, k, v, *rest, **other: sdpa_backward_flop_count(grad, q, k, v),
    }
    with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        step()
    return counter.get_total_flops()


def step_flops(model, batch):
    """Return the operations that the loss of a ``Gridded`` batch and its gradients take, a spectrum."""
    generator = torch.Generator().manual_seed(0)
    return count_flops(lambda: model.loss(batch, generator).backward()) / len(batch)


def product_rate(device, precision):
    """Return the operations a second of bare products of matrices on ``device``, under the context ``precision``."""
    size = SIZES[device.type]
    left, right = (torch.ones(size, size, device=device) for _ in range(2))
    best = float("inf")
    for _ in range(1 + ROUNDS):  # the first warms up
        start = time.perf_counter()
        with precision, torch.no_grad():
            torch.mm(left, right)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def describe_utilisation(flops, spectra, seconds, waited, device, precision):
    """Return in words how fast ``spectra`` of ``flops`` operations each went on one device, and what held them up."""
    rate, bare = flops * spectra / seconds, product_rate(device, precision)
    return (
        f"{spectra / seconds:.3g} spectra/s of {flops / 1e9:.3g} GFLOP on {device}: {rate / 1e9:.3g} GFLOP/s, "
        f"{rate / bare:.0%} of bare matrix products; {waited / (seconds + waited):.1%} of the time waiting for spectra"
    )
