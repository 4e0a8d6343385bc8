"""Fully connected networks with residual blocks."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import PositiveInt
from torch import Tensor, nn


class Block(nn.Module):
    """x + W2 relu(W1 x)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, values: Tensor) -> Tensor:
        """(batch, width) to (batch, width)."""
        changed: Tensor = values + self.change(values)
        return changed


@dataclass(frozen=True)
class Architecture:
    """Both networks: a linear layer, `depth` residual blocks of one width, a linear layer. An example."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"width": ("choice", 64, 128, 256), "depth": ("int", 1, 4)}

    noise_dim: PositiveInt = 32
    """Random numbers that a sample is made from."""
    width: PositiveInt = 64
    """Units of every layer."""
    depth: PositiveInt = 2
    """Residual blocks of each network."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to samples (batch, *shape); images are in [-1, 1]."""
        layers = self._layers(self.noise_dim, math.prod(shape))
        return nn.Sequential(*layers, nn.Tanh(), nn.Unflatten(1, shape)) if len(shape) > 1 else nn.Sequential(*layers)

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from samples (batch, *shape) to scores (batch,)."""
        return nn.Sequential(nn.Flatten(), *self._layers(math.prod(shape), 1), nn.Flatten(0))

    def _layers(self, inputs: int, outputs: int) -> list[nn.Module]:
        blocks = [Block(self.width) for _ in range(self.depth)]
        return [nn.Linear(inputs, self.width), *blocks, nn.ReLU(), nn.Linear(self.width, outputs)]
