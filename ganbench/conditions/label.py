"""The class of a sample."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.data import DataError, Split


@dataclass(frozen=True)
class Condition:
    """Samples are made for a class: the labels of the dataset, or the modes of a mixture."""

    makes: ClassVar[str] = "class"

    def of(self, split: Split, stream: torch.Generator) -> Tensor:
        """The labels (n,) int64. Raises DataError where there are none."""
        if split.labels is None:
            raise DataError("this data has no labels that its samples could be made for")
        return split.labels
