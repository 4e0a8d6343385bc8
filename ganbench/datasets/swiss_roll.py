"""The Swiss roll, seen from its end: a spiral."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import NonNegativeFloat, PositiveFloat

from ganbench.data import Split
from ganbench.mixtures import SPLIT_SIZES
from ganbench.streams import derive


@dataclass(frozen=True)
class Dataset:
    """scikit-learn's `make_swiss_roll` without its flat dimension, divided by `scale`. Noise and scale are those of
    WGAN-GP's gan_toy.py (Gulrajani et al. 2017); the noise is added before the division."""

    kind: ClassVar[str] = "points"

    noise: NonNegativeFloat = 0.25
    scale: PositiveFloat = 7.5

    def splits(self, raw: Path) -> dict[str, Split]:
        """Points (n, 2), drawn once; needs no files."""
        from sklearn.datasets import make_swiss_roll

        found = {}
        for name, size in SPLIT_SIZES.items():
            seed = derive(0, f"swiss roll {name}") % 2**32
            points, _ = make_swiss_roll(size, noise=self.noise, random_state=seed)
            found[name] = Split(torch.from_numpy(points[:, [0, 2]] / self.scale).float())
        return found
