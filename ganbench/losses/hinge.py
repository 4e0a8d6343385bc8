"""The hinge loss: the discriminator stops where its margin is wide enough."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu


@dataclass(frozen=True)
class Loss:
    """Hinge loss (Lim & Ye 2017, Geometric GAN; Miyato et al. 2018, equations 16 and 17).

    The discriminator minimises max(0, 1 - score of real) + max(0, 1 + score of fake), so that scores beyond -1
    and 1 no longer move it; the generator maximises the score of fake, without a bound.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in [0, inf)."""
        return relu(1 - real).mean(-1) + relu(1 + fake).mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return -fake.mean(-1)
