"""The tiny networks by which unrolled GANs and PacGAN count the modes of stacked MNIST."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import PositiveInt
from torch import nn

from ganbench import layers

FILTERS = {"quarter": 2, "half": 4}
"""Of the discriminator's first layer; the generator's last hidden layer has 8."""


@dataclass(frozen=True)
class Architecture:
    """The networks of Metz et al. 2017 (arXiv:1611.02163, the stacked MNIST experiment), as PacGAN's authors rebuilt
    them (Lin et al. 2018, arXiv:1712.04086), for images of 28 and 32 pixels: so small that a generator loses modes.

    The generator has a linear layer to 64 maps of 4x4, three strided 3x3 transposed convolutions with 32, 16 and 8
    maps, and a 3x3 convolution to the image; ReLU. The discriminator has three strided 3x3 convolutions and a linear
    score; LeakyReLU 0.3. It has a quarter, 2, 4 and 8, or half of the generator's maps, 4, 8 and 16. Batch
    normalisation everywhere but at the ends. Weights start from N(0, 0.02).
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (28, 32)
    conditions: ClassVar[tuple[str, ...]] = ("projection", "classifier", "normalisation")

    noise_dim: PositiveInt = 256
    """Random numbers that a sample is made from."""
    discriminator_scale: Literal["quarter", "half"] = "quarter"
    """The discriminator's maps, as a share of the generator's."""
    discriminator_norm: Literal["none", "batch", "layer", "instance", "weight"] = "batch"
    """What normalises the discriminator's layers (`ganbench.layers`)."""
    minibatch: Literal["none", "discrimination", "deviation"] = "none"
    """A layer by which the discriminator sees the whole batch (`ganbench.layers`)."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to images (batch, channels, size, size) in [-1, 1]."""
        steps: list[nn.Module] = [
            nn.Linear(self.noise_dim, 64 * 16),
            nn.BatchNorm1d(64 * 16),
            nn.ReLU(),
            nn.Unflatten(1, (64, 4, 4)),
        ]
        for width, doubled in ((32, shape[1] == 32), (16, True), (8, True)):  # 4x4 becomes 7x7 on the way to 28x28
            steps.append(nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=int(doubled)))
            steps += [nn.BatchNorm2d(width), nn.ReLU()]
        return layers.narrow(nn.Sequential(*steps, nn.Conv2d(8, shape[0], 3, padding=1), nn.Tanh()))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from images (batch, channels, size, size) to scores (batch,)."""
        norm, first = self.discriminator_norm, FILTERS[self.discriminator_scale]
        steps: list[nn.Module] = []
        for before, after in ((shape[0], first), (first, 2 * first), (2 * first, 4 * first)):
            steps.append(nn.Conv2d(before, after, 3, stride=2, padding=1))
            steps += [layers.normalisation(norm, after), nn.LeakyReLU(0.3)]
        steps += [nn.Flatten(), *layers.score(4 * first * 16, self.minibatch)]
        return layers.weight_normalised(layers.narrow(nn.Sequential(*steps)), norm)
