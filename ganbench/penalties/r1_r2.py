"""R1 and R2 together: the discriminator is kept flat at real and at generated samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import NonNegativeFloat
from torch import Tensor

from ganbench.slopes import slopes
from ganbench.streams import Source


@dataclass(frozen=True)
class Penalty:
    """gamma / 2 * (E[||grad D(real)||^2] + E[||grad D(fake)||^2]), as in R3GAN (Huang et al. 2024, arXiv:2501.05441;
    brownvc/R3GAN, R3GAN/Trainer.py). The gradient is of the score. The authors tuned gamma for each dataset,
    from 0.05 to 150, and lowered it tenfold in the first part of a training."""

    per_sample: ClassVar[bool] = True
    packs: ClassVar[bool] = True
    scale: ClassVar[str] = "gamma"
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"gamma": ("log", 0.01, 100.0)}

    gamma: NonNegativeFloat = 1.0

    def __call__(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, stream: Source) -> Tensor:
        """Real and fake samples (..., batch, *sample) to the weighted penalty (...), which can be differentiated."""
        at_real, at_fake = (slopes(discriminator, points).square().sum(-1).mean(-1) for points in (real, fake))
        return self.gamma / 2 * (at_real + at_fake)
