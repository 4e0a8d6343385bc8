"""The least squares loss: scores are drawn to targets."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """Least squares loss (Mao et al. 2017, equation 2), half the mean squared distance of scores from targets.

    The paper calls the targets a (fake), b (real) and c (generator). The default is its 0-1 coding; with
    b - c = 1 and b - a = 2, as in -1, 1 and 0, the generator minimises the Pearson chi-squared divergence.
    The paper's scores are linear. `probability` squares the distance of sigmoid(score) instead, as compare_gan
    v1 (Lucic et al. 2018) did; its gradient vanishes where the discriminator is sure.
    """

    fake_target: float = 0.0
    """a: what the discriminator wants of fake scores."""
    real_target: float = 1.0
    """b: what the discriminator wants of real scores."""
    generator_target: float = 1.0
    """c: what the generator wants of fake scores."""
    of: Literal["score", "probability"] = "score"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in [0, inf)."""
        return self._half_square(real, self.real_target) + self._half_square(fake, self.fake_target)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in [0, inf)."""
        return self._half_square(fake, self.generator_target)

    def _half_square(self, scores: Tensor, target: float) -> Tensor:
        outputs = scores.sigmoid() if self.of == "probability" else scores
        return (outputs - target).square().mean(-1) / 2
