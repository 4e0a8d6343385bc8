"""Random projections of the pixels."""  # the first line is what `ganbench list` prints

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganbench.streams import stream


class Projection(nn.Module):
    """uint8 images (n, channels, size, size) to features (n, d), and no logits."""

    def __init__(self, directions: Tensor) -> None:
        super().__init__()
        self.register_buffer("directions", directions)

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        """A pair, always: features, and logits (n, classes) or None."""
        return images.flatten(1).float() / 255 @ self.get_buffer("directions"), None


@dataclass(frozen=True)
class Extractor:
    """What it is, and where it comes from (Author year, arXiv number)."""

    provides: ClassVar[tuple[str, ...]] = ()  # ("logits",), or ("logits", "classes") for the dataset's own classes

    # Settings: a type, a plain default, and what it is.
    features: PositiveInt = 32
    """Directions that are projected on."""

    # One of three forms: `fixed`, as here; `trained` and `untrained`, for a network that learns from each dataset;
    # `pretrained`, for one with a file of weights. See docs/tutorials/extractor.md.
    def fixed(self, shape: tuple[int, ...]) -> nn.Module:
        """The network for images of this shape, the same every time."""
        pixels = math.prod(shape)
        return Projection(torch.randn(pixels, self.features, generator=stream(0, "my projection")) / math.sqrt(pixels))
