"""The small network of "Are GANs Created Equal?", after InfoGAN's."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import PositiveInt
from torch import nn

from ganbench import layers

SLOPE = 0.2
EPSILON, MOMENTUM = 1e-3, 1e-3
"""Of the generator's batch normalisation; TensorFlow's decay of 0.999 is torch's momentum of 0.001."""


@dataclass(frozen=True)
class Architecture:
    """What Lucic et al. 2018 (arXiv:1711.10337) trained every loss with, after Chen et al. 2016 (arXiv:1606.03657), for
    images of 28, 32 and 64 pixels.

    The generator has two linear layers, 1024 and 128 maps of a quarter of the size, and two transposed 4x4
    convolutions, 64 maps and the image; the discriminator two strided 4x4 convolutions of 64 and 128 maps, a linear
    layer of 1024, and the score. LeakyReLU 0.2; batch normalisation in the generator, and in the discriminator after
    its second and third layer (their search had it on or off). Weights start from N(0, 0.02). Their images are in
    [0, 1] after a sigmoid, these in [-1, 1] after tanh.
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (28, 32, 64)
    conditions: ClassVar[tuple[str, ...]] = ("projection", "classifier", "normalisation")

    noise_dim: PositiveInt = 64
    """Random numbers that a sample is made from."""
    noise: Literal["normal", "uniform"] = "normal"
    """How they are distributed; uniform in (-1, 1)."""
    discriminator_norm: Literal["none", "batch", "layer", "instance", "weight"] = "batch"
    """What normalises the discriminator's layers (`ganbench.layers`)."""
    minibatch: Literal["none", "discrimination", "deviation"] = "none"
    """A layer by which the discriminator sees the whole batch (`ganbench.layers`)."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to images (batch, channels, size, size) in [-1, 1]."""
        channels, quarter = shape[0], shape[1] // 4
        network = nn.Sequential(
            *([layers.Uniform()] if self.noise == "uniform" else []),
            nn.Linear(self.noise_dim, 1024),
            nn.BatchNorm1d(1024, EPSILON, MOMENTUM),
            nn.LeakyReLU(SLOPE),
            nn.Linear(1024, 128 * quarter**2),
            nn.BatchNorm1d(128 * quarter**2, EPSILON, MOMENTUM),
            nn.LeakyReLU(SLOPE),
            nn.Unflatten(1, (128, quarter, quarter)),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
            nn.BatchNorm2d(64, EPSILON, MOMENTUM),
            nn.LeakyReLU(SLOPE),
            nn.ConvTranspose2d(64, channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )
        return layers.narrow(network)

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from images (batch, channels, size, size) to scores (batch,)."""
        channels, quarter = shape[0], shape[1] // 4
        norm = self.discriminator_norm
        network = nn.Sequential(
            nn.Conv2d(channels, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            layers.normalisation(norm, 128),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
            nn.Linear(128 * quarter**2, 1024),
            layers.normalisation(norm, 1024, maps=False),
            nn.LeakyReLU(SLOPE),
            *layers.score(1024, self.minibatch),
        )
        return layers.weight_normalised(layers.narrow(network), norm)
