"""The relativistic average loss: is this sample more real than the average of the other kind?"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Loss:
    """RaGAN with the logistic function (Jolicoeur-Martineau 2018, arXiv:1807.00734, there RaSGAN).

    Each score is compared with the mean score of the other kind in its batch, a biased estimate of the paper's
    expectation. The author's code halves both losses, which Adam does not notice; the paper does not.
    """

    relativistic: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in (0, inf)."""
        return _doubt(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in (0, inf)."""
        return _doubt(fake, real)


def _doubt(winners: Tensor, losers: Tensor) -> Tensor:
    """How far the winners are from beating the average loser, plus the same from the losers' side."""
    winning = winners - losers.mean(-1, keepdim=True)
    losing = losers - winners.mean(-1, keepdim=True)
    return softplus(-winning).mean(-1) + softplus(losing).mean(-1)
