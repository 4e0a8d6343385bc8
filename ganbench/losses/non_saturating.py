"""The GAN loss that is used in practice."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Loss:
    """Non-saturating loss (Goodfellow et al. 2014, section 3). Scores are logits, D = sigmoid(score).

    The discriminator minimises -log D(real) - log(1 - D(fake)), the generator -log D(fake).
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return softplus(-real).mean(-1) + softplus(fake).mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in (0, inf)."""
        return softplus(-fake).mean(-1)
