"""Weight clipping, the first way to keep a critic Lipschitz."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import PositiveFloat
from torch import nn


@dataclass(frozen=True)
class Constraint:
    """All parameters of the critic are clamped to [-bound, bound] after each of its steps
    (Arjovsky et al. 2017, Algorithm 1)."""

    packs: ClassVar[bool] = True
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"bound": ("log", 0.001, 0.1)}

    bound: PositiveFloat = 0.01

    def __call__(self, discriminator: nn.Module) -> None:
        """Change the discriminator's parameters in place."""
        for parameter in discriminator.parameters():
            parameter.clamp_(-self.bound, self.bound)
