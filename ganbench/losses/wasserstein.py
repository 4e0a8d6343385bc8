"""The Wasserstein critic's loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """Wasserstein loss (Arjovsky et al. 2017, Algorithm 1). Scores are a critic's, unbounded, no sigmoid.

    The critic maximises E[score of real] - E[score of fake], which estimates the distance while the critic is
    kept Lipschitz by a constraint or a penalty; the generator maximises E[score of fake].
    """

    critic: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return fake.mean(-1) - real.mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return -fake.mean(-1)
