"""CIFAR-10, through torchvision."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ganbench import images
from ganbench.data import Split


@dataclass(frozen=True)
class Dataset:
    """Tiny photographs of 10 kinds of things (Krizhevsky 2009): 32x32, colour.

    Of the 50,000 training images a random 10,000 are the validation split, as many as there are test images, so that
    the row of real data is measured by as many as a run. Published numbers come from training on all 50,000. `flip`
    adds the mirror image of every training image. What Inception sees is the default, as published numbers use it; the
    small classifier reached 0.689 in three epochs on 45,000 images of a JPEG copy, too little to count on its features.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    extractor: ClassVar[str] = "inception-v3-compat"
    classifier_epochs: ClassVar[int] = 3
    accuracy_gate: ClassVar[float] = 0.65
    size: ClassVar[int] = 32

    flip: bool = False

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/cifar-10-batches-py, downloading what is missing: torchvision checks the md5 of every file before
        it is opened. Raises DataError."""
        splits = images.cifar("CIFAR10", raw, self.classes)
        return images.mirrored(splits) if self.flip else splits
