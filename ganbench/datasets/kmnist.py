"""Kuzushiji-MNIST, through torchvision."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganbench import idx
from ganbench.data import Split


@dataclass(frozen=True)
class Dataset:
    """Cursive Japanese characters (Clanuwat et al. 2018, arXiv:1812.01718): 28x28 grey, ten hiragana, each written in
    many ways; two pixels of black are added on each side to make 32x32.

    Of the 60,000 training images 10,000, a fixed random choice, are the validation split. The classifier's epochs and
    gate are a guess: there was no data to measure them on.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    extractor: ClassVar[str] = "cnn"
    classifier_epochs: ClassVar[int] = 8
    accuracy_gate: ClassVar[float] = 0.9

    size: Literal[28, 32] = 32
    """Pixels a side."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/KMNIST/raw, downloading what is missing. Raises DataError if that fails, or if the files are
        others: archives that lie there have the checksums that torchvision knows, and each class is as large."""
        return idx.splits(idx.read_balanced("KMNIST", raw), self.size)
