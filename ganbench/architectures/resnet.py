"""The residual networks of WGAN-GP and SN-GAN for CIFAR-10."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganbench import layers
from ganbench.layers import Norm


@dataclass(frozen=True)
class Architecture:
    """The 32x32 networks of SN-GAN (Miyato et al. 2018, arXiv:1802.05957, Table 4): the generator has a linear layer
    to 4x4 maps and three residual blocks that each double the size, the discriminator two that halve it and two
    that do not, then ReLU, the sum over all pixels, and a linear score. Blocks start with their activation, ReLU.

    WGAN-GP's (Gulrajani et al. 2017, arXiv:1704.00028, appendix F) differ in two settings: generator_width 128, and
    pooling by the mean. The generator has batch normalisation, the discriminator of both papers none; a norm stands
    before every activation but the first. Convolutions start uniform by Glorot & Bengio 2010, times the square root of
    2 in blocks, biases from 0.
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (32,)
    conditions: ClassVar[tuple[str, ...]] = ("projection", "classifier")

    noise_dim: PositiveInt = 128
    """Random numbers that a sample is made from."""
    generator_width: PositiveInt = 256
    """Maps of each of the generator's blocks."""
    discriminator_width: PositiveInt = 128
    """Maps of each of the discriminator's blocks."""
    pooling: Literal["sum", "mean"] = "sum"
    discriminator_norm: Literal["none", "batch", "layer", "instance", "weight"] = "none"
    """What normalises the discriminator's layers (`ganbench.layers`)."""
    minibatch: Literal["none", "discrimination", "deviation"] = "none"
    """A layer by which the discriminator sees the whole batch (`ganbench.layers`)."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to images (batch, channels, 32, 32) in [-1, 1]."""
        width = self.generator_width
        network = nn.Sequential(
            nn.Linear(self.noise_dim, 16 * width),
            nn.Unflatten(1, (width, 4, 4)),
            *(Block(width, width, "batch", resize="double") for _ in range(3)),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, shape[0], 3, padding=1),
            nn.Tanh(),
        )
        return _initialised(network)

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from images (batch, channels, 32, 32) to scores (batch,)."""
        width, norm = self.discriminator_width, self.discriminator_norm
        network = nn.Sequential(
            FirstBlock(shape[0], width, norm),
            Block(width, width, norm, resize="halve"),
            Block(width, width, norm),
            Block(width, width, norm),
            layers.normalisation(norm, width),
            nn.ReLU(),
            Pooled(self.pooling),
            *layers.score(width, self.minibatch),
        )
        return layers.weight_normalised(_initialised(network), norm)


class Block(nn.Module):
    """Two 3x3 convolutions, each after a norm and ReLU, added to the input, which a 1x1 convolution brings along where
    the size changes."""

    def __init__(
        self, before: int, after: int, norm: Norm, resize: Literal["double", "halve", "keep"] = "keep"
    ) -> None:
        super().__init__()
        up = nn.Upsample(scale_factor=2) if resize == "double" else nn.Identity()
        down = nn.AvgPool2d(2) if resize == "halve" else nn.Identity()
        self.residual = nn.Sequential(
            layers.normalisation(norm, before),
            nn.ReLU(),
            up,
            nn.Conv2d(before, after, 3, padding=1),
            layers.normalisation(norm, after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            down,
        )
        keeps = resize == "keep" and before == after
        self.shortcut = nn.Identity() if keeps else nn.Sequential(up, nn.Conv2d(before, after, 1), down)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, before, size, size) to (batch, after, size', size')."""
        found: Tensor = self.residual(maps) + self.shortcut(maps)
        return found


class FirstBlock(nn.Module):
    """The same for images, halving: no activation first, and the shortcut is halved before its convolution."""

    def __init__(self, channels: int, width: int, norm: Norm) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            layers.normalisation(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.AvgPool2d(2),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, width, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, channels, size, size) to maps (batch, width, size / 2, size / 2)."""
        found: Tensor = self.residual(images) + self.shortcut(images)
        return found


class Pooled(nn.Module):
    """Maps (batch, width, size, size) to features (batch, width): the sum or the mean over all pixels."""

    def __init__(self, pooling: Literal["sum", "mean"]) -> None:
        super().__init__()
        self.pool = {"sum": torch.sum, "mean": torch.mean}[pooling]

    def forward(self, maps: Tensor) -> Tensor:
        """Maps to features."""
        return self.pool(maps, (2, 3))


def _initialised(network: nn.Sequential) -> nn.Sequential:
    inner = {m for b in network if isinstance(b, Block | FirstBlock) for m in b.residual if isinstance(m, nn.Conv2d)}
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight, 2**0.5 if layer in inner else 1.0)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
