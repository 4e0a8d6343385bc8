"""Noisy images to clean ones."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveFloat
from torch import Tensor

from ganbench.data import Split

AT_ONCE = 1_000
WINDOW = 5
"""Pixels a side of the baseline's filter: 2 standard deviations to each side."""


@dataclass(frozen=True)
class Condition:
    """Denoising: the source is the sample plus independent Gaussian noise in every pixel and channel, rounded, and cut
    off at black and white (the setting of Zhang et al. 2017, arXiv:1608.03981, whose `sigma` are 15, 25 and 50). The
    baseline is a Gaussian filter with a standard deviation of 1 pixel, 5x5 pixels wide.
    """

    makes: ClassVar[str] = "image"
    baseline: ClassVar[str] = "Gaussian filter"

    sigma: PositiveFloat = 50.0
    """Standard deviation of the noise, in grey levels (0 to 255)."""

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """Noisy images, uint8 (n, channels, size, size)."""
        return torch.cat([self._noisy(part, stream) for part in split.samples.split(AT_ONCE)])

    def trivial(self, given: Tensor, split: Split) -> Tensor:
        """Filtered sources, uint8 (n, channels, size, size)."""
        from torchvision.transforms.functional import gaussian_blur

        return torch.cat([gaussian_blur(part, [WINDOW, WINDOW], [1.0, 1.0]) for part in given.split(AT_ONCE)])

    def _noisy(self, samples: Tensor, stream: torch.Generator) -> Tensor:
        noise = self.sigma * torch.randn(samples.shape, generator=stream)
        return (samples + noise).round_().clamp_(0, 255).to(torch.uint8)
