"""Images with a hole to images without."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from ganbench import images
from ganbench.data import DataError, Split

GREY = 128
"""What a hole shows: 0 to a network, as nearly as a byte can say it."""


@dataclass(frozen=True)
class Condition:
    """Inpainting of a square hole, in the centre or anywhere (Pathak et al. 2016, arXiv:1604.07379, section 3.3, whose
    central hole has half of the image's side): the source is the sample with mid grey in the hole, and one more channel
    that is 255 in the hole and 0 elsewhere. The baseline fills the hole with the mean of the training images at each
    of its pixels.

    The generator makes the whole image, and is measured on all of it; its pixels around the hole are not replaced by
    the source's.
    """

    makes: ClassVar[str] = "image"
    baseline: ClassVar[str] = "mean fill"

    where: Literal["centre", "random"] = "centre"
    """The place of the hole; random: another for each sample, the same in every run."""
    side: PositiveInt = 8
    """Of the hole, in pixels."""

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """Source images with their mask, uint8 (n, channels + 1, size, size).

        Raises DataError for samples that are no larger than the hole.
        """
        count, _, size, _ = split.samples.shape
        if size <= self.side:
            raise DataError(
                f"sample 0 has {size}x{size} pixels, and a hole of {self.side}x{self.side} leaves nothing of it; "
                f"set a smaller `side`"
            )
        room = size - self.side
        if self.where == "centre":
            corner = torch.full((count, 2), room // 2)
        else:
            corner = torch.randint(room + 1, (count, 2), generator=stream)
        inside = self._inside(corner, size)
        holed = split.samples.masked_fill(inside, GREY)
        return torch.cat([holed, inside * torch.tensor(255, dtype=torch.uint8)], 1)

    def trivial(self, given: Tensor, split: Split) -> Tensor:
        """The sources with the mean training image in their holes, uint8 (n, channels, size, size)."""
        holed, mask = given[:, :-1], given[:, -1:]
        return torch.where(mask > 0, images.mean(split.samples), holed)

    def _inside(self, corner: Tensor, size: int) -> Tensor:
        """Which pixels are in the hole: bool (n, 1, size, size) for upper left corners (n, 2)."""
        since = torch.arange(size) - corner[..., None]
        rows, columns = ((since >= 0) & (since < self.side)).unbind(1)
        return (rows[:, :, None] & columns[:, None, :])[:, None]
