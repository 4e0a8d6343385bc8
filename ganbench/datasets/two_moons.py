"""Two half circles that reach into each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import NonNegativeFloat

from ganbench.data import Split
from ganbench.mixtures import SPLIT_SIZES
from ganbench.streams import derive


@dataclass(frozen=True)
class Dataset:
    """scikit-learn's `make_moons`, half circles of radius 1, moved by (-0.5, -0.25) so that their mean is 0. Two pieces
    without density between them. Known from clustering; there is no published protocol for GANs."""

    kind: ClassVar[str] = "points"

    noise: NonNegativeFloat = 0.05
    """Standard deviation of what is added to each coordinate."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """Points (n, 2), drawn once; needs no files."""
        from sklearn.datasets import make_moons

        found = {}
        for name, size in SPLIT_SIZES.items():
            points, _ = make_moons(size, noise=self.noise, random_state=derive(0, f"two moons {name}") % 2**32)
            found[name] = Split(torch.from_numpy(points - [0.5, 0.25]).float())
        return found
