"""The plain convolutional network of spectral normalisation."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import PositiveInt
from torch import nn

from ganbench import layers

SLOPE = 0.1


@dataclass(frozen=True)
class Architecture:
    """SNDCGAN (Miyato et al. 2018, arXiv:1802.05957, Table 3) for images of 32 (CIFAR-10), 48 (STL-10) and 64 pixels.

    The generator goes from a linear layer to 8f maps of an eighth of the size, by transposed 4x4 convolutions through
    4f, 2f and f maps, and by a 3x3 convolution to the image; ReLU and batch normalisation. The discriminator has
    3x3 convolutions and strided 4x4 ones in turn, f, 2f, 2f, 4f, 4f, 8f, 8f maps, and a linear score; LeakyReLU 0.1.
    The widths are those of its group's chainer-gan-lib and of compare_gan. It is normalised, if at all, after all
    convolutions but the first; the paper puts spectral normalisation there, which is a constraint of the method.
    Weights start from N(0, 0.02).
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (32, 48, 64)
    conditions: ClassVar[tuple[str, ...]] = ("projection", "classifier", "normalisation")

    noise_dim: PositiveInt = 128
    """Random numbers that a sample is made from."""
    width: PositiveInt = 64
    """f: maps after the discriminator's first layer."""
    discriminator_norm: Literal["none", "batch", "layer", "instance", "weight"] = "none"
    """What normalises the discriminator's layers (`ganbench.layers`)."""
    minibatch: Literal["none", "discrimination", "deviation"] = "none"
    """A layer by which the discriminator sees the whole batch (`ganbench.layers`)."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to images (batch, channels, size, size) in [-1, 1]."""
        width, coarsest = 8 * self.width, shape[1] // 8
        steps: list[nn.Module] = [
            nn.Linear(self.noise_dim, width * coarsest**2),
            nn.BatchNorm1d(width * coarsest**2),
            nn.ReLU(),
            nn.Unflatten(1, (width, coarsest, coarsest)),
        ]
        for _ in range(3):
            steps.append(nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1))
            width //= 2
            steps += [nn.BatchNorm2d(width), nn.ReLU()]
        return layers.narrow(nn.Sequential(*steps, nn.Conv2d(width, shape[0], 3, padding=1), nn.Tanh()))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from images (batch, channels, size, size) to scores (batch,)."""
        norm, width = self.discriminator_norm, self.width
        steps: list[nn.Module] = [nn.Conv2d(shape[0], width, 3, padding=1), nn.LeakyReLU(SLOPE)]
        for _ in range(3):
            steps.append(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1))
            width *= 2
            steps += [layers.normalisation(norm, width), nn.LeakyReLU(SLOPE)]
            steps.append(nn.Conv2d(width, width, 3, padding=1))
            steps += [layers.normalisation(norm, width), nn.LeakyReLU(SLOPE)]
        steps += [nn.Flatten(), *layers.score(width * (shape[1] // 8) ** 2, self.minibatch)]
        return layers.weight_normalised(layers.narrow(nn.Sequential(*steps)), norm)
