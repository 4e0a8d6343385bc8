"""Small images to large ones."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ganbench import images
from ganbench.data import DataError, Split


@dataclass(frozen=True)
class Condition:
    """Single-image super-resolution (Dong et al. 2014, arXiv:1501.00092; with a GAN Ledig et al. 2017,
    arXiv:1609.04802): the source is the sample, made smaller by `factor` with bicubic interpolation and antialiasing,
    and enlarged again to its size by bicubic interpolation, as SRCNN takes it. The baseline is that enlarged image.
    """

    makes: ClassVar[str] = "image"
    baseline: ClassVar[str] = "bicubic"

    factor: Literal[2, 4] = 4
    """How many pixels of the sample a pixel of the small image stands for, along each side."""

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """Source images, uint8 (n, channels, size, size).

        Raises DataError for samples whose size is no multiple of the factor, or no larger.
        """
        size = split.samples.shape[-1]
        if size % self.factor or size == self.factor:
            raise DataError(
                f"sample 0 has {size}x{size} pixels; super-resolution by {self.factor} needs a size that is a multiple "
                f"of {self.factor}, and larger: resize the dataset, or set another factor"
            )
        return images.resized(images.resized(split.samples, size // self.factor), size)

    def trivial(self, given: Tensor, split: Split) -> Tensor:
        """The source itself, uint8 (n, channels, size, size)."""
        return given
