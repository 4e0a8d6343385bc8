"""The gradient penalty of WGAN-GP, on points between real and fake samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import NonNegativeFloat
from torch import Tensor

from ganbench.slopes import lengths, slopes
from ganbench.streams import Source, own_shape, uniform


@dataclass(frozen=True)
class Penalty:
    """weight * E[(||grad D(x)|| - target)^2] at random points between real and fake samples
    (Gulrajani et al. 2017, equation 3, two-sided). The gradient is of the score, per sample.

    With `sided: one` only slopes above the target count (there section 4). `target: 0` is the zero-centred penalty
    of Thanh-Tung et al. 2019 (arXiv:1902.03984). `epsilon` is added under the square root of the norm: 1e-4 in
    compare_gan (Lucic et al. 2018).
    """

    per_sample: ClassVar[bool] = True
    packs: ClassVar[bool] = True
    scale: ClassVar[str] = "weight"
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"weight": ("log", 0.01, 100.0)}

    weight: NonNegativeFloat = 10.0
    target: NonNegativeFloat = 1.0
    sided: Literal["two", "one"] = "two"
    epsilon: NonNegativeFloat = 0.0

    def __call__(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, stream: Source) -> Tensor:
        """Real and fake samples (..., batch, *sample) to the weighted penalty (...), which can be differentiated."""
        excess = lengths(slopes(discriminator, between(real, fake, stream)), self.epsilon) - self.target
        if self.sided == "one":
            excess = excess.relu()
        return self.weight * excess.square().mean(-1)


def between(real: Tensor, fake: Tensor, stream: Source) -> Tensor:
    """A point at random between each real sample and a fake one (..., batch, *sample)."""
    batch, *sample = own_shape(stream, real)
    share = uniform(stream, (batch, *[1] * len(sample)), real.dtype)
    return share * real + (1 - share) * fake
