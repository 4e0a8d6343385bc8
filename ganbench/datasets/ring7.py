"""The ring of the Unrolled GAN notebook, which has seven modes."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import PositiveFloat

from ganbench.data import Split
from ganbench.mixtures import Mixture


@dataclass(frozen=True)
class Dataset:
    """2-D ring of `linspace(0, 2 pi, 8)`, whose ends coincide: seven modes, 2 pi / 7 apart, and the one at (0, radius)
    has weight 2/8 (poolio/unrolled_gan, "Unrolled GAN demo.ipynb", `sample_mog`; so has GDPP). Results on it are
    often published as on eight modes; `ring8` is what they meant."""

    kind: ClassVar[str] = "points"

    radius: PositiveFloat = 1.0
    sigma: PositiveFloat = 0.01
    """Standard deviation of each mode."""

    def mixture(self) -> Mixture:
        """The true distribution."""
        angle = torch.arange(7, dtype=torch.float64) * (2 * math.pi / 7)
        weights = torch.tensor([2, 1, 1, 1, 1, 1, 1])
        return Mixture(self.radius * torch.stack([angle.sin(), angle.cos()], 1), self.sigma, weights)

    def splits(self, raw: Path) -> dict[str, Split]:
        """Points drawn once; needs no files."""
        return self.mixture().splits()
