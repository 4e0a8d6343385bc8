"""A game of two numbers in the form of two networks."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor, nn


@dataclass(frozen=True)
class Architecture:
    """The example of Heusel et al. 2017 (TTUR), Figure 4 (bioinf-jku/TTUR, Toy_Data_Example/ttur_example_saddle.ipynb):
    the discriminator is a number x, the generator a number y, from 0.5 and -0.4.

    In training a sample is (x, y, e1, e2) with e1 and e2 the noise, and its score (1 + x^2) (100 - y^2) + e1 x + e2 y:
    with one sample a step, each gradient is that of the game plus a N(0, 1). In evaluation a sample is the point
    (x, y), so that a snapshot of the generator shows both players: `board` holds both numbers, and the parameters are
    views of it. That needs both on the CPU.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points",)

    noise_dim: PositiveInt = 2
    """The two gradients' noise."""
    x: float = 0.5
    """Where the discriminator starts."""
    y: float = -0.4
    """Where the generator starts."""

    @cached_property
    def board(self) -> Tensor:
        """x and y (2,)."""
        return torch.tensor([self.x, self.y])

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """From noise (batch, 2) to (batch, 4) in training and to points (batch, 2) in evaluation."""
        return Generator(self.board)

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """From (batch, 4) to scores (batch,)."""
        return Discriminator(self.board)


class Generator(nn.Module):
    """The number y."""

    def __init__(self, board: Tensor) -> None:
        super().__init__()
        self.y = nn.Parameter(board[1:])
        self.register_buffer("board", board)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (batch, 2) to samples."""
        x = self.get_buffer("board")[:1].detach()
        point = torch.cat([x, self.y]).expand(len(noise), 2)
        return torch.cat([point, noise], 1) if self.training else point


class Discriminator(nn.Module):
    """The number x."""

    def __init__(self, board: Tensor) -> None:
        super().__init__()
        self.x = nn.Parameter(board[:1])

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (batch, 4), or points (batch, 2) without noise, to the value of the game (batch,)."""
        y = samples[:, 1]
        value = (1 + self.x**2) * (100 - y**2)
        return value if samples.shape[1] == 2 else value + samples[:, 2] * self.x + samples[:, 3] * y
