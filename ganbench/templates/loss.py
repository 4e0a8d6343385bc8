"""A logistic loss with one-sided label smoothing."""  # the first line is what `ganbench list` prints

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import PositiveFloat
from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Loss:
    """What it is, and where it comes from (Author year, arXiv number, equation). `ganbench show` prints this.

    Scores are logits: a sigmoid belongs in here.
    """

    # relativistic: ClassVar[bool] = True  # if the generator's loss compares fake scores with real ones
    # critic: ClassVar[bool] = True        # if the difference of mean scores estimates a Wasserstein distance

    # Where tuning looks: ("log", low, high), ("linear", low, high), ("int", low, high) or ("choice", a, b, c).
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"confidence": ("linear", 0.7, 1.0)}

    # Settings: a type, a plain default, and what it is. A study writes `loss: {name: my-loss, confidence: 0.8}`.
    confidence: PositiveFloat = 0.9
    """How sure the discriminator should be that real samples are real."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises: scores (..., batch) to the loss (...). Reduce over the last axis only."""
        certain = softplus(-real).mean(-1)
        doubtful = softplus(real).mean(-1)
        return self.confidence * certain + (1 - self.confidence) * doubtful + softplus(fake).mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the generator minimises."""
        return softplus(-fake).mean(-1)
