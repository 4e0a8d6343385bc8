"""Convolutional networks in the manner of DCGAN."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt
from torch import nn


@dataclass(frozen=True)
class Architecture:
    """DCGAN (Radford et al. 2016, arXiv:1511.06434, section 3) for 16x16 and 32x32 images.

    At 32x32 the generator goes by transposed 4x4 convolutions from noise through 8f, 4f, 2f channels
    (4x4, 8x8, 16x16 pixels) to the image, with batch normalisation and ReLU between and tanh last; the
    discriminator by strided 4x4 convolutions through f, 2f, 4f channels to one score, LeakyReLU 0.2,
    normalised except first and last. At 16x16 the widest layer is left out. Weights start from N(0, 0.02).
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (16, 32)
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"width": ("choice", 32, 64, 128)}

    noise_dim: PositiveInt = 100
    width: PositiveInt = 64
    discriminator_norm: Literal["batch", "layer", "none"] = "batch"

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to images (batch, channels, size, size) in [-1, 1]."""
        channels, doublings = shape[0], int(math.log2(shape[1])) - 2
        width = self.width * 2**doublings
        layers: list[nn.Module] = [
            nn.Unflatten(1, (self.noise_dim, 1, 1)),
            nn.ConvTranspose2d(self.noise_dim, width, 4, bias=False),
        ]
        for _ in range(doublings - 1):
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            layers.append(nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False))
            width //= 2
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1), nn.Tanh()]
        return _initialised(nn.Sequential(*layers))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from images (batch, channels, size, size) to scores (batch,)."""
        channels, halvings = shape[0], int(math.log2(shape[1])) - 2
        width = self.width
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for _ in range(halvings - 1):
            bias = self.discriminator_norm != "batch"
            layers.append(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=bias))
            width *= 2
            layers += [self._norm(width), nn.LeakyReLU(0.2)]
        return _initialised(nn.Sequential(*layers, nn.Conv2d(width, 1, 4), nn.Flatten(0)))

    def _norm(self, width: int) -> nn.Module:
        if self.discriminator_norm == "batch":
            return nn.BatchNorm2d(width)
        if self.discriminator_norm == "layer":
            return nn.GroupNorm(1, width)  # one group: each sample over all its channels and pixels
        return nn.Identity()


def _initialised(network: nn.Sequential) -> nn.Sequential:
    for layer in network:
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
