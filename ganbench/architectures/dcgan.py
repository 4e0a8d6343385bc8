"""Convolutional networks in the manner of DCGAN."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt
from torch import nn

from ganbench import layers


@dataclass(frozen=True)
class Architecture:
    """DCGAN (Radford et al. 2016, arXiv:1511.06434, section 3) for images of 16, 28, 32 and 64 pixels.

    At 64x64, the paper's size, the generator goes by transposed 4x4 convolutions from noise through 16f, 8f, 4f, 2f
    channels (4x4 to 32x32 pixels) to the image, with batch normalisation and ReLU between and tanh last; the
    discriminator by strided 4x4 convolutions through f, 2f, 4f, 8f channels to one score, LeakyReLU 0.2, normalised
    except first and last. Smaller images leave the widest layers out: one at 32x32, two at 16x16, and two at 28x28,
    where 7x7 is the coarsest map. The paper's convolutions are 5x5. Weights start from N(0, 0.02).
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (16, 28, 32, 64)
    conditions: ClassVar[tuple[str, ...]] = ("projection", "classifier", "normalisation")
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"width": ("choice", 32, 64, 128)}

    noise_dim: PositiveInt = 100
    """Random numbers that a sample is made from."""
    width: PositiveInt = 64
    """f: maps after the discriminator's first layer."""
    discriminator_norm: Literal["none", "batch", "layer", "instance", "weight"] = "batch"
    """What normalises the discriminator's layers (`ganbench.layers`)."""
    minibatch: Literal["none", "discrimination", "deviation"] = "none"
    """A layer by which the discriminator sees the whole batch (`ganbench.layers`)."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to images (batch, channels, size, size) in [-1, 1]."""
        doublings, coarsest = _halvings(shape[1])
        width = self.width * 2**doublings
        steps: list[nn.Module] = [
            nn.Unflatten(1, (self.noise_dim, 1, 1)),
            nn.ConvTranspose2d(self.noise_dim, width, coarsest, bias=False),
        ]
        for _ in range(doublings - 1):
            steps += [nn.BatchNorm2d(width), nn.ReLU()]
            steps.append(nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False))
            width //= 2
        steps += [nn.BatchNorm2d(width), nn.ReLU()]
        steps += [nn.ConvTranspose2d(width, shape[0], 4, stride=2, padding=1), nn.Tanh()]
        return layers.narrow(nn.Sequential(*steps))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from images (batch, channels, size, size) to scores (batch,)."""
        halvings, coarsest = _halvings(shape[1])
        width = self.width
        steps: list[nn.Module] = [nn.Conv2d(shape[0], width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for _ in range(halvings - 1):
            bias = self.discriminator_norm != "batch"
            steps.append(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=bias))
            width *= 2
            steps += [layers.normalisation(self.discriminator_norm, width), nn.LeakyReLU(0.2)]
        if self.minibatch == "none":
            steps += [nn.Conv2d(width, 1, coarsest), nn.Flatten(0)]
        else:
            steps += [nn.Flatten(), *layers.score(width * coarsest**2, self.minibatch)]
        return layers.weight_normalised(layers.narrow(nn.Sequential(*steps)), self.discriminator_norm)


def _halvings(size: int) -> tuple[int, int]:
    """How often images are halved until 4x4, or 7x7, is left; and that size."""
    halvings = size.bit_length() - 3
    return halvings, size >> halvings
