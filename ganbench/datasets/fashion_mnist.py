"""Fashion-MNIST, through torchvision."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ganbench import idx
from ganbench.data import DataError, Split


@dataclass(frozen=True)
class Dataset:
    """Zalando's articles (Xiao et al. 2017, arXiv:1708.07747): 28x28 grey, ten kinds of clothes, shoes and bags, two
    pixels of black added on each side to make 32x32.

    Of the 60,000 training images the last 10,000 are the validation split.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    extractor: ClassVar[str] = "cnn"
    classifier_epochs: ClassVar[int] = 8
    accuracy_gate: ClassVar[float] = 0.88
    size: ClassVar[int] = 32

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/FashionMNIST/raw, downloading what is missing. Raises DataError if that fails, or if the files
        are others: archives that lie there have the checksums that torchvision knows, and each class is as large."""
        published = idx.read("FashionMNIST", raw)
        folder = idx.folder("FashionMNIST", raw)
        _check_archives(folder)
        for split, (_, labels) in published.items():
            each = idx.COUNTS[split] // 10
            if labels is None or labels.bincount().tolist() != [each] * 10:
                raise DataError(
                    f"fashion-mnist: {folder / idx.PREFIXES[split]}-labels-idx1-ubyte is not the genuine file, which "
                    f"has {each} labels of each class; remove it and fetch it again"
                )
        return idx.splits(published)


def _check_archives(folder: Path) -> None:
    """What was unpacked is what the genuine archive holds. Files that came without their archive pass."""
    from torchvision.datasets import FashionMNIST
    from torchvision.datasets.utils import check_integrity

    for name, md5 in FashionMNIST.resources:
        archive = folder / name
        if not archive.exists():
            continue
        genuine = check_integrity(archive, md5)
        if not genuine or gzip.decompress(archive.read_bytes()) != archive.with_suffix("").read_bytes():
            what = f"does not hold what {archive.with_suffix('').name} holds" if genuine else f"has not the md5 {md5}"
            raise DataError(f"fashion-mnist: {archive} {what}; remove both and fetch them again")
