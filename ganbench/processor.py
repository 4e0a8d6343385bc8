"""Two settings of a CPU process that trains in packs: how matrix products are computed, and that memory is kept.

Both have a switch in the environment and are recorded with the results (docs/performance.md has what they bring).
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator

import torch

MATMUL, MALLOC = "GANBENCH_MATMUL", "GANBENCH_MALLOC"
"""Environment variables: the value `default` leaves torch's products, and the allocator, as they are."""

TOLERANCE = 1e-5
"""The largest error of a float32 product, relative to its largest entry. Rounding makes 1e-6, bfloat16 1e-2."""

# Parameters of mallopt(3), and what they are set to: freed memory stays with the process, as activations come back in
# every step, and each time a page is touched for the first time it costs more than the numbers on it.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEPT = ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, (1 << 31) - 1), (_M_TOP_PAD, 64 << 20))


def keep_memory() -> str:
    """Tell the allocator to keep freed memory for this process. Returns what came of it: `kept`, or `default`."""
    if os.environ.get(MALLOC) == "default":
        return "default"
    with contextlib.suppress(OSError, AttributeError):  # no glibc
        mallopt = ctypes.CDLL(None).mallopt
        if all(mallopt(parameter, value) for parameter, value in _KEPT):
            return "kept"
    return "default"


@contextlib.contextmanager
def products(device: torch.device) -> Iterator[str]:
    """Within, float32 products of a CPU go through oneDNN, which batches small ones better. Yields the route.

    torch's switch for that route also allows products of bfloat16, which processors with such instructions would
    use: the cap of `devices.limit_threads` forbids those instructions, and one product is tried here against float64.
    If it is not accurate the route is not taken.
    """
    if device.type != "cpu" or os.environ.get(MATMUL) == "default":
        yield "default"
        return
    setting = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        if (error := product_error()) > TOLERANCE:
            setting.fp32_precision = before
            yield f"default, as oneDNN errs by {error:.0e}"
        else:
            yield "oneDNN"
    finally:
        setting.fp32_precision = before


def product_error() -> float:
    """The error of a batched float32 product against float64, relative to its largest entry."""
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 8, 128, 128, generator=generator)
    exact = torch.bmm(first.double(), second.double())
    return float((torch.bmm(first, second) - exact).abs().max() / exact.abs().max())
