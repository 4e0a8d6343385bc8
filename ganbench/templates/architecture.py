"""Fully connected networks of one width, with smooth units."""  # the first line is what `ganbench list` prints

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import PositiveInt
from torch import nn


@dataclass(frozen=True)
class Architecture:
    """What it is, and where it comes from (Author year, arXiv number, table). `ganbench show` prints this."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")  # which kinds of data it makes
    # sizes: ClassVar[tuple[int, ...]] = (32, 64)            # image sizes, if not any will do

    # Where tuning looks: ("log", low, high), ("linear", low, high), ("int", low, high) or ("choice", a, b, c).
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"width": ("choice", 64, 128, 256), "depth": ("int", 1, 4)}

    # Settings: a type, a plain default, and what it is. `noise_dim` must be there.
    noise_dim: PositiveInt = 32
    """Random numbers that a sample is made from."""
    width: PositiveInt = 128
    """Units of each hidden layer."""
    depth: PositiveInt = 2
    """Hidden layers of each network."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to samples (batch, *shape); images are in [-1, 1]."""
        layers = [*self._layers(self.noise_dim), nn.Linear(self.width, math.prod(shape))]
        if len(shape) > 1:  # images
            layers += [nn.Tanh(), nn.Unflatten(1, shape)]
        return nn.Sequential(*layers)

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from samples (batch, *shape) to scores (batch,), which are logits: no sigmoid."""
        return nn.Sequential(nn.Flatten(), *self._layers(math.prod(shape)), nn.Linear(self.width, 1), nn.Flatten(0))

    def _layers(self, inputs: int) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for before in (inputs, *[self.width] * (self.depth - 1)):
            layers += [nn.Linear(before, self.width), nn.SiLU()]
        return layers
