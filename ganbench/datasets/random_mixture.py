"""Gaussians at random places, as many and in as many dimensions as you like."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from ganbench.data import DataError, Split
from ganbench.mixtures import REACH, Mixture
from ganbench.streams import stream

TRIES = 100
"""How often a mode is placed, on average, before there is taken to be no room."""


@dataclass(frozen=True)
class Dataset:
    """Modes with centres uniform in the cube [-extent, extent]^dimension, but no two closer than 6 sigma, so that no
    sample of high quality belongs to two. Another `seed` is another distribution.

    Weights are equal, or random: uniform among all weights that sum to 1 (a flat Dirichlet distribution). Not from
    a paper; it tells a method that suits rings and grids from one that suits mixtures.
    """

    kind: ClassVar[str] = "points"

    modes: PositiveInt = 10
    """How many Gaussians."""
    dimension: PositiveInt = 2
    extent: PositiveFloat = 4.0
    sigma: PositiveFloat = 0.05
    weights: Literal["equal", "random"] = "equal"
    seed: NonNegativeInt = 0

    def mixture(self) -> Mixture:
        """The true distribution. Raises DataError if there is no room for so many modes."""
        weights = torch.ones(self.modes, dtype=torch.float64)
        if self.weights == "random":
            weights.exponential_(generator=stream(self.seed, "random mixture weights"))  # over their sum: Dirichlet
        return Mixture(self._centres(), self.sigma, weights)

    def _centres(self) -> Tensor:
        """One place after the other; a place too close to an earlier one is drawn again."""
        random = stream(self.seed, "random mixture centres")
        centres = torch.empty(0, self.dimension, dtype=torch.float64)
        for _ in range(TRIES * self.modes):
            place = self.extent * (2 * torch.rand(1, self.dimension, generator=random, dtype=torch.float64) - 1)
            if (torch.cdist(place, centres) >= 2 * REACH * self.sigma).all():
                centres = torch.cat([centres, place])
            if len(centres) == self.modes:
                return centres
        raise DataError(
            f"random-mixture: no room for {self.modes} modes {2 * REACH:g} sigma apart; "
            f"give fewer modes, a smaller sigma ({self.sigma}) or a larger extent ({self.extent})"
        )

    def splits(self, raw: Path) -> dict[str, Split]:
        """Points drawn once; needs no files."""
        return self.mixture().splits()
