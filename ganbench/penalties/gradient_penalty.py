"""The two-sided gradient penalty of WGAN-GP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import NonNegativeFloat
from torch import Tensor


@dataclass(frozen=True)
class Penalty:
    """weight * E[(||grad D(x)|| - 1)^2] at random points between real and fake samples
    (Gulrajani et al. 2017, equation 3). The gradient is of the score, per sample."""

    per_sample: ClassVar[bool] = True

    weight: NonNegativeFloat = 10.0

    def __call__(
        self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, stream: torch.Generator
    ) -> Tensor:
        """Real and fake samples (batch, ...) to the weighted penalty, a scalar that can be differentiated."""
        share = torch.rand((len(real), *[1] * (real.dim() - 1)), generator=stream, device=real.device, dtype=real.dtype)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
        norm: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return self.weight * (norm - 1).square().mean()
