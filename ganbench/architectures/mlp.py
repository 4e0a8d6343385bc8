"""Fully connected networks, for points and for small images."""

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt
from torch import nn


@dataclass(frozen=True)
class Architecture:
    """Generator: noise, 256, 512, sample (ReLU; tanh on images, linear on points).
    Discriminator: sample, 512, 256, score (LeakyReLU 0.2). torch's default initialisation."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")

    noise_dim: PositiveInt = 64
    generator_widths: tuple[PositiveInt, ...] = (256, 512)
    discriminator_widths: tuple[PositiveInt, ...] = (512, 256)

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to samples (batch, *shape); images are in [-1, 1]."""
        widths = (self.noise_dim, *self.generator_widths)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        layers.append(nn.Linear(widths[-1], math.prod(shape)))
        if len(shape) > 1:
            layers += [nn.Tanh(), nn.Unflatten(1, shape)]
        return nn.Sequential(*layers)

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from samples (batch, *shape) to scores (batch,)."""
        widths = (math.prod(shape), *self.discriminator_widths)
        layers: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, nn.Linear(widths[-1], 1), nn.Flatten(0))
