"""Twenty-five Gaussians on a grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import PositiveFloat

from ganbench.data import Split
from ganbench.mixtures import Mixture


@dataclass(frozen=True)
class Dataset:
    """2-D grid: modes at {-4, -2, 0, 2, 4}^2, sigma 0.05, as in VEEGAN (Srivastava et al. 2017) and PacGAN
    (Lin et al. 2018)."""

    kind: ClassVar[str] = "points"

    spacing: PositiveFloat = 2.0
    """From one centre to the next."""
    sigma: PositiveFloat = 0.05
    """Standard deviation of each mode."""

    def mixture(self) -> Mixture:
        """The true distribution."""
        line = self.spacing * torch.arange(-2, 3, dtype=torch.float64)
        return Mixture(torch.cartesian_prod(line, line), self.sigma)

    def splits(self, raw: Path) -> dict[str, Split]:
        """Points drawn once; needs no files."""
        return self.mixture().splits()
