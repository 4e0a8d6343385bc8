"""Ten Gaussians of 700 dimensions in a space of 1200."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import PositiveInt

from ganbench.data import Split
from ganbench.streams import stream

MEANS = (-1.0, -0.5, 0.0, 0.5, -2.0, -2.5, 10.0, 0.25, -13.0, -5.5)
SPACE, NOISY = 1200, 700
HELD_OUT = 10_000


@dataclass(frozen=True)
class Dataset:
    """The 1200-D mixture of VEEGAN (Srivastava et al. 2017, arXiv:1705.07761, section 5.1).

    The paper says ten 700-D Gaussians in 1200 dimensions and no more. The rest is from PacGAN's code
    (`VEEGAN1200DPackingMixture`, unused in its paper) and cannot be verified: ten equal modes whose coordinates all
    have one value, plus N(0, 1) in the first 700. Such a sample is some sqrt(700) = 26 sigma away from its centre,
    so that the published rule, high quality within 10 sigma of the nearest mode, would refuse the truth itself.
    The modes are not round either, so this dataset provides none.
    """

    kind: ClassVar[str] = "points"

    points: PositiveInt = 20_000
    """Points of the training split."""
    """Of the training split, 96 MB; the paper gives no number."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """Points (n, 1200), drawn once; needs no files."""
        sizes = {"train": self.points, "validation": HELD_OUT, "test": HELD_OUT}
        return {name: Split(_sample(size, stream(0, f"veegan mixture {name}"))) for name, size in sizes.items()}


def _sample(count: int, generator: torch.Generator) -> torch.Tensor:
    mode = torch.randint(len(MEANS), (count, 1), generator=generator)
    points = torch.tensor(MEANS)[mode].repeat(1, SPACE)
    points[:, :NOISY] += torch.randn(count, NOISY, generator=generator)
    return points
