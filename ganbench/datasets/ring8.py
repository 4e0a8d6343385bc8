"""Eight Gaussians on a circle."""

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
    """2-D ring with the radius and sigma of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018).

    The eight modes are distinct; the notebook of Unrolled GAN repeats an end point and has only seven.
    """

    kind: ClassVar[str] = "points"

    radius: PositiveFloat = 1.0
    sigma: PositiveFloat = 0.01

    def mixture(self) -> Mixture:
        """The true distribution."""
        angle = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
        return Mixture(self.radius * torch.stack([angle.cos(), angle.sin()], 1), self.sigma)

    def splits(self, raw: Path) -> dict[str, Split]:
        """Points drawn once; needs no files."""
        return self.mixture().splits()
