"""The value of a zero-sum game."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """The score of a generated sample is the value of a game: the discriminator minimises it, the generator maximises
    it. Real samples have no part in it."""

    critic: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return fake.mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return -fake.mean(-1)
