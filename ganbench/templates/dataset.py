"""A filled square: points without modes."""  # the first line is what `ganbench list` prints

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import PositiveFloat, PositiveInt

from ganbench.data import Split
from ganbench.streams import stream


@dataclass(frozen=True)
class Dataset:
    """What it is, and where it comes from (Author year, with the settings of their code)."""

    kind: ClassVar[str] = "points"
    # For images, `kind` is "images", and the extractor that they are seen through wants to know:
    # classes: ClassVar[int] = 10
    # classifier_epochs: ClassVar[int] = 5
    # accuracy_gate: ClassVar[float] = 0.95
    # size: ClassVar[int] = 32  # or a setting of that name

    # Settings: a type, a plain default, and what it is. A study writes `{name: my-dataset, extent: 2.0}`.
    extent: PositiveFloat = 1.0
    """Half the side of the square."""
    points: PositiveInt = 10_000
    """Points of each split."""

    # def mixture(self) -> Mixture:
    #     """Optional: the true distribution, if it is one of Gaussians (ganbench.mixtures.Mixture)."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """`train`, `validation` and `test`, the same every time: float32 points (n, d), or uint8 images
        (n, channels, size, size) with int64 labels. Files are read from the folder `raw`; where they are missing,
        raise ganbench.data.DataError and say what to put where."""
        return {
            name: Split(self.extent * (2 * torch.rand(self.points, 2, generator=stream(0, f"my square {name}")) - 1))
            for name in ("train", "validation", "test")
        }
