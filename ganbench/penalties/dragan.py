"""The gradient penalty of DRAGAN, around real samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from ganbench.slopes import lengths, slopes
from ganbench.streams import Source, each


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

        norm = lengths(slopes(output, each(self._near, stream, real)), self.epsilon)
        return self.weight * (norm - self.target).square().mean(-1)

    def _near(self, real: Tensor, stream: torch.Generator) -> Tensor:
        """A point at random near each real sample (batch, ...)."""
        share = torch.rand((len(real), *[1] * (real.dim() - 1)), generator=stream, device=real.device, dtype=real.dtype)
        offset = torch.rand(real.shape, generator=stream, device=real.device, dtype=real.dtype)
        return real + share * self.reach * real.std(correction=0) * offset
