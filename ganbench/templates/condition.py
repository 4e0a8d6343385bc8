"""Images of few grey levels to smooth ones."""  # the first line is what `ganbench list` prints

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ganbench.data import DataError, Split


@dataclass(frozen=True)
class Condition:
    """What a sample is made for, and where the task comes from (Author year, arXiv number, section)."""

    makes: ClassVar[str] = "image"  # or "class", int64 (n,); or "text", int64 words (n, length) that 0 fills up
    baseline: ClassVar[str] = "unchanged"  # with `trivial`, its row in the table; leave both out if there is none

    # Settings: a type, a plain default, and what it is. A study writes `condition: {name: my-condition, levels: 8}`.
    levels: Literal[2, 4, 8] = 4
    """Grey levels that are left of each channel."""

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """Source images, uint8 (n, channels, size, size), one for each sample and of its size; channels are free.

        Draw random numbers with `generator=stream`, and from nowhere else. Raise DataError for samples that the task
        cannot be made from, and name the first."""
        if split.samples.dtype != torch.uint8:
            raise DataError("sample 0 is a point, and no image")
        step = 255 / (self.levels - 1)
        return split.samples.float().div_(step).round_().mul_(step).round_().to(torch.uint8)

    def trivial(self, given: Tensor, split: Split) -> Tensor:
        """Samples that need no learning, uint8 (n, channels, size, size), one for each of the conditions `given`.
        `split` is the training split, e.g. for a mean."""
        return given
