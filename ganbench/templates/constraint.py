"""Rows of weights that are no longer than a bound."""  # the first line is what `ganbench list` prints

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import PositiveFloat
from torch import nn


@dataclass(frozen=True)
class Constraint:
    """The weights into each unit of the discriminator are shortened to a norm of `bound` at most
    (Author year, arXiv number, section)."""

    # True if it works on each network by itself, so that runs can be trained together.
    packs: ClassVar[bool] = True

    # Where tuning looks: ("log", low, high), ("linear", low, high), ("int", low, high) or ("choice", a, b, c).
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"bound": ("log", 0.1, 10.0)}

    # Settings: a type, a plain default, and what it is. A study writes `constraint: {name: my-constraint, bound: 2.0}`.
    bound: PositiveFloat = 1.0
    """The longest that a row may be."""

    # def prepare(self, discriminator: nn.Module) -> None:
    #     """Optional: change the network once, before training, as a reparametrisation does."""

    def __call__(self, discriminator: nn.Module) -> None:
        """Change the parameters in place, after each step of the discriminator. Gradients are off."""
        for weight in discriminator.parameters():
            if weight.dim() > 1:
                norms = torch.linalg.vector_norm(weight.flatten(1), dim=1)
                shares = (self.bound / norms).clamp(max=1)  # a norm of 0 gives inf, and so 1
                weight.mul_(shares.view(-1, *[1] * (weight.dim() - 1)))
