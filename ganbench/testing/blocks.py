"""Images of four classes, of any size: what architectures of images and conditions are tried on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt

from ganbench.data import Split
from ganbench.streams import stream

SAMPLES = 200


@dataclass(frozen=True)
class Dataset:
    """One quarter of each image is bright, and there is noise."""

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 4
    classifier_epochs: ClassVar[int] = 1
    accuracy_gate: ClassVar[float] = 0.9

    size: PositiveInt = 16
    """Pixels a side."""
    channels: Literal[1, 3] = 1
    """Grey, or colours; the bright quarter is of any."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """The three splits; needs no files."""
        return {name: self._split(name) for name in ("train", "validation", "test")}

    def _split(self, name: str) -> Split:
        labels = torch.arange(SAMPLES) % self.classes
        images = torch.randint(
            0, 100, (SAMPLES, self.channels, self.size, self.size), generator=stream(0, f"blocks {name}")
        )
        half = self.size // 2
        for index, label in enumerate(labels.tolist()):
            row, column = divmod(label, 2)
            images[index, :, row * half : (row + 1) * half, column * half : (column + 1) * half] += 120
        return Split(images.to(torch.uint8), labels)
