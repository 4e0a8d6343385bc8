"""The caption of a sample."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.data import DataError, Split


@dataclass(frozen=True)
class Condition:
    """Samples are made for a sentence that says what they show: the captions of the dataset."""

    makes: ClassVar[str] = "text"

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """The numbers of the words (n, length) int64, 0 fills up. Raises DataError where there are none."""
        if split.captions is None:
            raise DataError("this data has no captions that its samples could be made for")
        return split.captions
