"""A small residual network without any normalisation."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt
from torch import nn

from ganbench.architectures.resnet import Block, FirstBlock, Pooled
from ganbench.layers import score


@dataclass(frozen=True)
class Architecture:
    """The built-in `resnet` (Miyato et al. 2018) without batch normalisation in the generator, for 32x32 images: the
    "small ResNet" of R3GAN's Table 1 (Huang et al. 2024, arXiv:2501.05441) has no normalisation, and no more of it was
    published. The second convolution of each block starts at 0, as in that paper's networks (after Zhang et al. 2019,
    arXiv:1901.09321), so that without normalisation the signal keeps its size.
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (32,)

    noise_dim: PositiveInt = 64
    """Random numbers that a sample is made from."""
    width: PositiveInt = 64
    """Maps of each block of both networks."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """From noise (batch, noise_dim) to images (batch, channels, 32, 32) in [-1, 1]."""
        width = self.width
        return _started(
            nn.Sequential(
                nn.Linear(self.noise_dim, 16 * width),
                nn.Unflatten(1, (width, 4, 4)),
                *(Block(width, width, "none", resize="double") for _ in range(3)),
                nn.ReLU(),
                nn.Conv2d(width, shape[0], 3, padding=1),
                nn.Tanh(),
            )
        )

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """From images (batch, channels, 32, 32) to scores (batch,)."""
        width = self.width
        return _started(
            nn.Sequential(
                FirstBlock(shape[0], width, "none"),
                Block(width, width, "none", resize="halve"),
                Block(width, width, "none", resize="halve"),
                nn.ReLU(),
                Pooled("sum"),
                *score(width, "none"),
            )
        )


def _started(network: nn.Sequential) -> nn.Sequential:
    for block in network:
        if isinstance(block, Block):
            nn.init.zeros_([m for m in block.residual if isinstance(m, nn.Conv2d)][-1].weight)
    return network
