"""Threads and devices. Imports no torch before it must."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


INSTRUCTIONS = ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")
"""oneDNN's instruction sets end before those of bfloat16, which `ganbench.processor` must not get for float32."""


class DeviceError(Exception):
    """A device that a study asks for and that is not there."""


def limit_threads(threads: int) -> None:
    """Keep this process to its threads, and oneDNN to its instructions. Must run before torch or numpy is imported.

    Two processes with torch's default of one thread per core each, on the same two cores, spin against each
    other and run up to 200 times slower (docs/performance.md).
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    os.environ.setdefault(*INSTRUCTIONS)


def choose(wanted: str, threads: int) -> "torch.device":
    """The torch device for `auto`, `cpu` or `cuda`. Raises DeviceError if there is no such device."""
    import torch

    from ganbench import numerics

    torch.set_num_threads(threads)
    numerics.set_float32(tf32=False)  # a training may say otherwise
    present = torch.cuda.is_available()
    if wanted == "cuda" and not present:
        raise DeviceError(
            "device: cuda: torch sees no CUDA GPU here; `ganbench doctor` tells more, `auto` uses the CPU"
        )
    if wanted == "cpu" or not present:
        return torch.device("cpu")
    return torch.device("cuda")
