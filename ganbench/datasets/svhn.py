"""Street View House Numbers, through torchvision."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from ganbench import images
from ganbench.data import Split

COUNTS = {"train": 73_257, "test": 26_032}
VALIDATION = 10_000
FOLDER = "SVHN"


@dataclass(frozen=True)
class Dataset:
    """Single digits cut from photographs of house numbers (Netzer et al. 2011): 32x32, colour, with their neighbours at
    the sides. A mirrored digit is none, so there is no flip.

    Of the 73,257 training images the last 10,000 are the validation split: images of one house follow each other, so
    that a random choice would show houses of the training split. The 531,131 "extra" images are not used. What
    Inception sees is the default, as published numbers use it; the epochs and the gate of the small classifier are a
    guess.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    extractor: ClassVar[str] = "inception-v3-compat"
    classifier_epochs: ClassVar[int] = 8
    accuracy_gate: ClassVar[float] = 0.8
    size: ClassVar[int] = 32

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/SVHN, downloading what is missing: torchvision checks the md5 of both files. Raises DataError."""
        published = {split: self._read(raw / FOLDER, split, count) for split, count in COUNTS.items()}
        return images.held_out(published["train"], published["test"], VALIDATION, at_random=False)

    def _read(self, folder: Path, split: str, count: int) -> Split:
        from torchvision.datasets import SVHN

        url, name, _ = SVHN.split_list[split]
        advice = f"Put {name} from {url} there"
        found = images.fetched(lambda: SVHN(folder, split, download=True), FOLDER, folder, advice)
        read = Split(torch.from_numpy(found.data).contiguous(), torch.from_numpy(found.labels))
        return images.checked(FOLDER, read, (count, 3, 32, 32), self.classes)
