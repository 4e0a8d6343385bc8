"""The caption of a sample."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ganbench import captions
from ganbench.data import Split


@dataclass(frozen=True)
class Condition:
    """Samples are made for a sentence that says what they show: the captions of the dataset."""

    makes: ClassVar[str] = "text"

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """The numbers of the words (n, length) int64, 0 is padding. Raises DataError where there are none."""
        return captions.checked(split.captions, len(split.samples))
