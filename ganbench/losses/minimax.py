"""The zero-sum GAN loss, with a generator that saturates."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Loss:
    """Minimax loss (Goodfellow et al. 2014, equation 1). Scores are logits, D = sigmoid(score).

    The discriminator minimises -log D(real) - log(1 - D(fake)); the generator minimises log(1 - D(fake)), whose
    gradient vanishes where the discriminator is sure.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return softplus(-real).mean(-1) + softplus(fake).mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in (-inf, 0)."""
        return -softplus(fake).mean(-1)
