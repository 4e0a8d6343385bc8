"""In which precision and memory layout, and by which kernels, a training computes: all that is a part of its spec."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.specs import Spec


def set_float32(tf32: bool) -> None:
    """Whether GPUs may round the inputs of float32 products and convolutions to TF32, with 10 bits of mantissa instead
    of 23. torch's own default allows it for convolutions only; here it is always said. Nothing changes on CPUs."""
    wanted = "tf32" if tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = wanted
    torch.backends.cudnn.conv.fp32_precision = wanted  # type: ignore[attr-defined]


@contextmanager
def full_float32() -> Iterator[None]:
    """Float32 in full for a while, whatever training is set to: for features, which are to be the same everywhere."""
    matmul, convolution = float32().values()
    set_float32(tf32=False)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = matmul
        torch.backends.cudnn.conv.fp32_precision = convolution  # type: ignore[attr-defined]


def float32() -> dict[str, str]:
    """What GPUs make of float32 products and convolutions now, for the provenance."""
    return {
        "matmul": str(torch.backends.cuda.matmul.fp32_precision),
        "convolution": str(torch.backends.cudnn.conv.fp32_precision),  # type: ignore[attr-defined]
    }


def is_channels_last(budget: Spec) -> bool:
    """Whether a training of images keeps the channels of a pixel side by side."""
    return bool(budget.get("channels_last", True))


def apply(budget: Spec, networks: list[nn.Module], device: torch.device) -> None:
    """Set the precision of a spec's training. With `bf16`, each network computes in mixed precision inside, by torch's
    lists of what is safe (Micikevicius et al. 2018, arXiv:1710.03740), and returns float32: weights, losses, penalties,
    constraints and optimizers stay in float32. bfloat16 has the range of float32, so no loss is scaled."""
    precision = budget.get("precision", "fp32")
    set_float32(precision == "tf32")
    for network in networks if precision == "bf16" else ():
        _mix(network, device.type)


def compiled(budget: Spec, network: nn.Module) -> Callable[..., Tensor] | None:
    """The network as torch.compile makes it on its first calls, if the training asks for it: kernels that do several
    operations at once, which round differently. What it makes can be differentiated once."""
    if not budget.get("compile", False):
        return None
    made: Callable[..., Tensor] = torch.compile(network)
    return made


def _mix(network: nn.Module, device: str) -> None:
    plain = network.forward

    def forward(*inputs: Any) -> Tensor:
        with torch.autocast(device, torch.bfloat16):
            found: Tensor = plain(*inputs)
        return found.float()

    network.forward = forward
