"""The point (0, 0): the saddle that two numbers should find."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from ganbench.data import Split


@dataclass(frozen=True)
class Dataset:
    """Points at the saddle (0, 0) of (1 + x^2) (100 - y^2), the example of Heusel et al. 2017 (TTUR), Figure 4. The
    players never see them: they are what the numbers are measured against."""

    kind: ClassVar[str] = "points"

    def splits(self, raw: Path) -> dict[str, Split]:
        """A hundred points (100, 2), all 0, in every split."""
        return {name: Split(torch.zeros(100, 2)) for name in ("train", "validation", "test")}
