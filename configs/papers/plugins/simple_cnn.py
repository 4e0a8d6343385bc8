"""The two small networks of a public collection of GANs."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import PositiveInt
from torch import nn

from ganbench import layers


@dataclass(frozen=True)
class Architecture:
    """SimpleCNN of xyfJASON/gans-pytorch (models/simple_cnn.py, configs/*_cifar10.yaml) for 32x32 images: transposed
    4x4 convolutions of 4f, 2f and f maps from 4x4 pixels on; strided ones of f, 2f and 4f maps, and a 4x4 one to the
    score. Batch normalisation but before the first two activations of the discriminator. Convolutions start from
    N(0, 0.02).
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (32,)

    noise_dim: PositiveInt = 100
    """Random numbers that a sample is made from."""
    width: PositiveInt = 256
    """f: maps after the discriminator's first layer."""
    norm: Literal["batch", "layer"] = "batch"
    """What normalises the discriminator's layers."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """From noise (batch, noise_dim) to images (batch, channels, 32, 32) in [-1, 1]."""
        width = 4 * self.width
        steps: list[nn.Module] = [
            nn.Unflatten(1, (self.noise_dim, 1, 1)),
            nn.ConvTranspose2d(self.noise_dim, width, 4),
        ]
        for _ in range(2):
            steps += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1)]
            width //= 2
        steps += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, shape[0], 4, stride=2, padding=1)]
        return layers.narrow(nn.Sequential(*steps, nn.Tanh()))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """From images (batch, channels, 32, 32) to scores (batch,)."""
        width = self.width
        steps: list[nn.Module] = [nn.Conv2d(shape[0], width, 4, stride=2, padding=1)]
        for normalised in (False, True):
            steps += [layers.normalisation(self.norm, width)] if normalised else []
            steps += [nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)]
            width *= 2
        steps += [layers.normalisation(self.norm, width), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 4), nn.Flatten(0)]
        return layers.narrow(nn.Sequential(*steps))
