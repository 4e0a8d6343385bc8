"""A penalty on scores that run away from 0."""  # the first line is what `ganbench list` prints

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import NonNegativeFloat
from torch import Tensor


@dataclass(frozen=True)
class Penalty:
    """weight * E[score^2] at real and fake samples (Author year, arXiv number, equation)."""

    # True if it looks at the gradient of each sample alone, which batch normalisation would void.
    per_sample: ClassVar[bool] = False

    # True if it reduces over the last axis only, so that runs can be trained together; `scale` multiplies the whole.
    packs: ClassVar[bool] = True
    scale: ClassVar[str] = "weight"

    # Where tuning looks: ("log", low, high), ("linear", low, high), ("int", low, high) or ("choice", a, b, c).
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"weight": ("log", 1e-4, 1.0)}

    # Settings: a type, a plain default, and what it is. A study writes `penalty: {name: my-penalty, weight: 0.01}`.
    weight: NonNegativeFloat = 0.01
    """How much it counts beside the loss."""

    def __call__(
        self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, stream: torch.Generator
    ) -> Tensor:
        """The weighted penalty, one number. Draw random numbers with `generator=stream`, and from nowhere else.

        For the gradient of a score at a sample see `ganbench.slopes.slopes`; for packs, `ganbench.streams.uniform`.
        """
        scores = torch.cat([discriminator(real), discriminator(fake.detach())], -1)
        return self.weight * scores.square().mean(-1)
