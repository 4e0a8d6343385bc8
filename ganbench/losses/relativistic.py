"""The paired relativistic loss: is this real sample more real than that fake one?"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Loss:
    """RpGAN with the logistic function (Jolicoeur-Martineau 2018, arXiv:1807.00734, there RSGAN; the loss of
    R3GAN, Huang et al. 2024). Only differences of scores count.

    The i-th real score is paired with the i-th fake one, as both are random draws: real and fake must be of one
    size. The discriminator minimises -log sigmoid(real - fake), the generator -log sigmoid(fake - real).
    """

    relativistic: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in (0, inf)."""
        return softplus(fake - real).mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in (0, inf)."""
        return softplus(real - fake).mean(-1)
