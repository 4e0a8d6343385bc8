"""Fashion-MNIST, through torchvision."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganbench import idx
from ganbench.data import Split


@dataclass(frozen=True)
class Dataset:
    """Zalando's articles (Xiao et al. 2017, arXiv:1708.07747): 28x28 grey, ten kinds of clothes, shoes and bags; two
    pixels of black are added on each side to make 32x32.

    Of the 60,000 training images 10,000, a fixed random choice, are the validation split.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    extractor: ClassVar[str] = "cnn"
    classifier_epochs: ClassVar[int] = 8
    accuracy_gate: ClassVar[float] = 0.88

    size: Literal[28, 32] = 32
    """Pixels a side."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/FashionMNIST/raw, downloading what is missing. Raises DataError if that fails, or if the files
        are others: archives that lie there have the checksums that torchvision knows, and each class is as large."""
        return idx.splits(idx.read_balanced("FashionMNIST", raw), self.size)
