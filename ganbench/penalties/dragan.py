"""The gradient penalty of DRAGAN, around real samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import NonNegativeFloat
from torch import Tensor

from ganbench.slopes import lengths, slopes
from ganbench.streams import Source, own_shape, uniform


@dataclass(frozen=True)
class Penalty:
    """weight * E[(||grad D(x)|| - target)^2] near real samples (Kodali et al. 2017, arXiv:1705.07215).

    The points are drawn as in the authors' notebook (kodalinaveen3/DRAGAN, 29fb907): between a real sample and
    itself plus reach * std * U, with U uniform in [0, 1) for each number and std that of the whole batch; the
    paper writes normal noise. U is never negative, so the points lie to one side of the data.
    compare_gan v1 (Lucic et al. 2018) took the gradient of sigmoid(score), here `of: probability`, and
    sqrt(1e-4 + .) as the norm, here `epsilon: 1e-4`; the authors did neither.
    """

    per_sample: ClassVar[bool] = True
    packs: ClassVar[bool] = True
    scale: ClassVar[str] = "weight"
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"weight": ("log", 0.1, 100.0)}

    weight: NonNegativeFloat = 10.0
    target: NonNegativeFloat = 1.0
    reach: NonNegativeFloat = 0.5
    of: Literal["score", "probability"] = "score"
    epsilon: NonNegativeFloat = 0.0

    def __call__(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, stream: Source) -> Tensor:
        """Real and fake samples (..., batch, *sample) to the weighted penalty (...), which can be differentiated."""

        def output(points: Tensor) -> Tensor:
            scores = discriminator(points)
            return scores.sigmoid() if self.of == "probability" else scores

        norm = lengths(slopes(output, self._near(real, stream)), self.epsilon)
        return self.weight * (norm - self.target).square().mean(-1)

    def _near(self, real: Tensor, stream: Source) -> Tensor:
        """A point at random near each real sample (..., batch, *sample)."""
        batch, *sample = own_shape(stream, real)
        share = uniform(stream, (batch, *[1] * len(sample)), real.dtype)
        offset = uniform(stream, (batch, *sample), real.dtype)
        own = tuple(range(-1 - len(sample), 0))
        return real + share * self.reach * real.std(own, correction=0, keepdim=True) * offset
