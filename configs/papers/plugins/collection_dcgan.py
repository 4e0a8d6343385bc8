"""The DCGAN of a public collection of GANs."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt
from torch import nn

from ganbench import layers


@dataclass(frozen=True)
class Architecture:
    """DCGAN of w86763777/pytorch-gan-collections (source/models/dcgan.py, `cnn32`) for 32x32 images: transposed
    convolutions of 1024, 512, 256 and 128 maps from 2x2 pixels on; strided 5x5 convolutions of 64, 128, 256 and 512
    maps with batch normalisation after the activation, but the first. torch's initialisation.
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (32,)

    noise_dim: PositiveInt = 100
    """Random numbers that a sample is made from."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """From noise (batch, noise_dim) to images (batch, channels, 32, 32) in [-1, 1]."""
        steps: list[nn.Module] = [
            nn.Unflatten(1, (self.noise_dim, 1, 1)),
            nn.ConvTranspose2d(self.noise_dim, 1024, 2, bias=False),
        ]
        for width in (1024, 512, 256):
            steps += [nn.BatchNorm2d(width), nn.ReLU()]
            steps.append(nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False))
        steps += [nn.BatchNorm2d(128), nn.ReLU()]
        steps += [nn.ConvTranspose2d(128, shape[0], 4, stride=2, padding=1, bias=False), nn.Tanh()]
        return nn.Sequential(*steps)

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """From images (batch, channels, 32, 32) to scores (batch,)."""
        steps: list[nn.Module] = [nn.Conv2d(shape[0], 64, 5, stride=2, padding=2, bias=False), nn.LeakyReLU(0.2)]
        for width in (64, 128, 256):
            steps += [nn.Conv2d(width, 2 * width, 5, stride=2, padding=2, bias=False), nn.LeakyReLU(0.2)]
            steps.append(nn.BatchNorm2d(2 * width))
        return nn.Sequential(*steps, nn.Flatten(), *layers.score(512 * 4, "none"))
