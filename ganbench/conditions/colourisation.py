"""Grey images to colour ones."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ganbench import images
from ganbench.data import DataError, Split


@dataclass(frozen=True)
class Condition:
    """Colourisation (Zhang et al. 2016, arXiv:1603.08511; by pix2pix in Isola et al. 2017, arXiv:1611.07004, section
    4): the source is the luminance of the sample (ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue). The generator
    makes all three colours, luminance too. The baseline stays grey.
    """

    makes: ClassVar[str] = "image"
    baseline: ClassVar[str] = "grey"

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """Luminance, uint8 (n, 1, size, size). Raises DataError for samples without colour."""
        samples = split.samples
        if samples.shape[1] != 3:
            raise DataError(
                f"sample 0 has {samples.shape[1]} colour channel(s); colourisation needs colour images, of 3 channels"
            )
        if not (samples != samples[:, :1]).any():
            raise DataError("sample 0 is grey, and so are all others: red, green and blue are equal in every pixel")
        return images.luminance(samples)

    def trivial(self, given: Tensor, split: Split) -> Tensor:
        """The luminance as red, green and blue, uint8 (n, 3, size, size)."""
        return given.expand(-1, 3, -1, -1)
