"""MNIST, through torchvision."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganbench import idx
from ganbench.data import DataError, Split, fingerprint

GENUINE = {
    "train": (
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "e474323ac02fc156161b0bbb1f8c9cfeb327a74bcd9f9680a8385269a24f566c",
    ),
    "test": (
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243",
    ),
}
"""sha256 of the pixels and of the labels (as int64) of the genuine files."""


@dataclass(frozen=True)
class Dataset:
    """Handwritten digits (LeCun et al. 1998): 28x28 grey; two pixels of black are added on each side to make 32x32.

    Of the 60,000 training images 10,000, a fixed random choice, are the validation split.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    extractor: ClassVar[str] = "cnn"
    classifier_epochs: ClassVar[int] = 5
    accuracy_gate: ClassVar[float] = 0.985

    size: Literal[28, 32] = 32
    """Pixels a side."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/MNIST/raw, downloading what is missing. Raises DataError if that fails."""
        published = idx.read("MNIST", raw)
        for split, (images, labels, _) in published.items():
            if labels is None or (fingerprint(images), fingerprint(labels)) != GENUINE[split]:
                raise DataError(
                    f"mnist: {idx.folder('MNIST', raw) / idx.PREFIXES[split]}-* are not the genuine files; remove "
                    f"them and fetch them again"
                )
        return idx.splits(published, self.size)
