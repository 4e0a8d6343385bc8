"""CIFAR-10 as image files, with a small classifier to measure by."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ganbench.data import Split
from ganbench.datasets.image_folder import Dataset as ImageFolder


@dataclass(frozen=True)
class Dataset:
    """`image-folder` of CIFAR-10: `folder`/train/<class>/ and `folder`/test/<class>/ in the data folder, 50,000 and
    10,000 images; a tenth of the former is for validation. As its ten classes are known, it is measured by the features
    of a small classifier, without a download. JPEG files are a lossy copy: no published number compares."""

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    size: ClassVar[int] = 32
    extractor: ClassVar[str] = "cnn"
    classifier_epochs: ClassVar[int] = 5
    accuracy_gate: ClassVar[float] = 0.5

    folder: str = "cifar10"

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read the images. Raises DataError if there are none, or if one cannot be read."""
        return ImageFolder(folder=self.folder, size=self.size).splits(raw)
