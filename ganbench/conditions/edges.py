"""Edges to images."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import NonNegativeInt
from torch import Tensor
from torch.nn.functional import conv2d, pad

from ganbench import images
from ganbench.data import DataError, Split

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
"""The slope from left to right; transposed, from top to bottom."""
FULL = 4.0
"""What a step by one grey level gives."""
AT_ONCE = 1_000


@dataclass(frozen=True)
class Condition:
    """Edges to image (Isola et al. 2017, arXiv:1611.07004, section 4, who take edges from a trained detector): the
    source is white where the magnitude of the Sobel gradient (Sobel & Feldman 1968) of the luminance is `threshold` or
    more, black elsewhere; the border is repeated outwards. The baseline is the mean training image for every source.
    """

    makes: ClassVar[str] = "image"
    baseline: ClassVar[str] = "mean image"

    threshold: NonNegativeInt = 64
    """Of the magnitude in grey levels: a straight step between two flat areas has its height. 0 keeps the magnitudes
    themselves, cut off at 255, which say more than edges do."""

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """Edges, uint8 (n, 1, size, size). Raises DataError for samples that have no edge."""
        edges = torch.cat([self._edges(part) for part in split.samples.split(AT_ONCE)])
        blank = (edges == 0).flatten(1).all(1)
        if blank.all():
            raise DataError(
                f"sample 0 has no edge, nor has any other: no gradient reaches the threshold {self.threshold}"
            )
        return edges

    def trivial(self, given: Tensor, split: Split) -> Tensor:
        """The mean training image, uint8 (n, channels, size, size)."""
        return images.mean(split.samples).expand(len(given), -1, -1, -1)

    def _edges(self, samples: Tensor) -> Tensor:
        grey = samples if samples.shape[1] == 1 else images.luminance(samples)
        kernel = torch.tensor(SOBEL) / FULL
        slopes = conv2d(pad(grey.float(), (1, 1, 1, 1), mode="replicate"), torch.stack([kernel, kernel.T])[:, None])
        magnitude = slopes.square().sum(1, keepdim=True).sqrt()
        if self.threshold:
            return (magnitude >= self.threshold) * torch.tensor(255, dtype=torch.uint8)
        return magnitude.round_().clamp_(0, 255).to(torch.uint8)
