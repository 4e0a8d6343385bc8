"""R2: the discriminator is kept flat at generated samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import NonNegativeFloat
from torch import Tensor

from ganbench.slopes import slopes
from ganbench.streams import Source


@dataclass(frozen=True)
class Penalty:
    """gamma / 2 * E[||grad D(x)||^2] at generated samples (Mescheder et al. 2018, section 4.1). The gradient is
    of the score. For the factor of the authors' code see R1."""

    per_sample: ClassVar[bool] = True
    packs: ClassVar[bool] = True
    scale: ClassVar[str] = "gamma"
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"gamma": ("log", 0.01, 100.0)}

    gamma: NonNegativeFloat = 10.0

    def __call__(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, stream: Source) -> Tensor:
        """Real and fake samples (..., batch, *sample) to the weighted penalty (...), which can be differentiated."""
        return self.gamma / 2 * slopes(discriminator, fake).square().sum(-1).mean(-1)
