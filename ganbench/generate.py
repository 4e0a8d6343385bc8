"""Samples from a trained generator."""

import torch
from torch import Tensor, nn

from ganbench import data

BATCH = 500


class NotFiniteError(Exception):
    """A generator made a sample that is not a number."""


@torch.no_grad()
def generate(
    generator: nn.Module, count: int, noise_dim: int, stream: torch.Generator, given: Tensor | None = None
) -> Tensor:
    """`count` samples on the CPU: points (n, d) float32, or images (n, channels, size, size) uint8; one for each of the
    conditions `given` (count, ...), if there are any.

    The generator runs in evaluation mode: batch normalisation uses its running statistics, so that a sample does
    not depend on its neighbours. Raises NotFiniteError rather than turn NaN into black pixels.
    """
    training = generator.training
    generator.eval()
    made = []
    try:
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            noise = torch.randn(size, noise_dim, generator=stream, device=stream.device)
            asked = () if given is None else (data.as_floats(given[start : start + size].to(stream.device)),)
            samples = generator(noise, *asked)
            if not samples.isfinite().all():
                raise NotFiniteError("a generated sample is not finite")
            made.append((data.as_bytes(samples) if samples.dim() > 2 else samples).cpu())
    finally:
        generator.train(training)
    return torch.cat(made).contiguous()
