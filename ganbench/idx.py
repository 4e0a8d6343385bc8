"""MNIST and the datasets that took its place and format: IDX files of 28x28 grey images, read by torchvision."""

import gzip
from pathlib import Path
from typing import Literal

import torch
from torch.nn.functional import pad

from ganbench import images
from ganbench.data import DataError, Split

COUNTS = {"train": 60_000, "test": 10_000}
PREFIXES = {"train": "train", "test": "t10k"}
VALIDATION = 10_000  # of the 60,000 training images
SIZE = 28

Source = Literal["MNIST", "FashionMNIST", "KMNIST"]


def read(source: Source, raw: Path) -> dict[str, Split]:
    """The published splits `train` (60,000) and `test` (10,000): images uint8 (n, 28, 28), labels int64 0 to 9.

    They are read from `raw`/<source>/raw, and what is missing there is downloaded. Raises DataError if that fails,
    or if counts, shapes or labels are not those of the source.
    """
    return {split: _read(source, raw, split) for split in COUNTS}


def read_balanced(source: Source, raw: Path) -> dict[str, Split]:
    """The same of a source that has as many images of every class. Raises DataError also if this is not so, or if an
    archive lies there that has not the md5 that torchvision knows, or that holds something else."""
    published = read(source, raw)
    _check_archives(source, folder(source, raw))
    for split, (_, labels, _) in published.items():
        each = COUNTS[split] // 10
        if labels is None or labels.bincount().tolist() != [each] * 10:
            raise DataError(
                f"{source}: {folder(source, raw) / PREFIXES[split]}-labels-idx1-ubyte is not the genuine file, which "
                f"has {each} labels of each class; remove it and fetch it again"
            )
    return published


def splits(published: dict[str, Split], size: int) -> dict[str, Split]:
    """Images uint8 (n, 1, size, size), black pixels added around: 50,000, 10,000 for validation, 10,000."""
    frame = [(size - SIZE) // 2] * 4
    framed = {name: Split(pad(split.samples[:, None], frame), split.labels) for name, split in published.items()}
    return images.held_out(framed["train"], framed["test"], VALIDATION)


def folder(source: str, raw: Path) -> Path:
    """Where torchvision expects the files."""
    return raw / source / "raw"


def _read(source: Source, raw: Path, split: str) -> Split:
    from torchvision import datasets

    known = getattr(datasets, source)
    prefix, place = PREFIXES[split], folder(source, raw)
    found = images.fetched(
        lambda: known(root=raw, train=split == "train", download=True),
        source,
        place,
        f"Put {prefix}-images-idx3-ubyte and {prefix}-labels-idx1-ubyte (unpacked, or as .gz) from {known.mirrors[0]} "
        f"there, into {source}/raw",
    )
    samples, labels = found.data, found.targets
    count = COUNTS[split]
    if samples.shape != (count, SIZE, SIZE) or samples.dtype != torch.uint8:
        raise DataError(
            f"{source}: {place / prefix}-images-idx3-ubyte holds {samples.dtype} {tuple(samples.shape)} and not "
            f"{count} images of 28x28 bytes; remove it and fetch it again"
        )
    if labels.shape != (count,) or labels.min() < 0 or labels.max() > 9:
        raise DataError(
            f"{source}: {place / prefix}-labels-idx1-ubyte holds {len(labels)} labels from {labels.min()} to "
            f"{labels.max()} and not {count} from 0 to 9; remove it and fetch it again"
        )
    return Split(samples, labels)


def _check_archives(source: Source, place: Path) -> None:
    """What was unpacked is what the genuine archive holds. Files that came without their archive pass."""
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    for name, md5 in getattr(datasets, source).resources:
        archive = place / name
        if not archive.exists():
            continue
        genuine = check_integrity(archive, md5)
        if not genuine or gzip.decompress(archive.read_bytes()) != archive.with_suffix("").read_bytes():
            what = f"does not hold what {archive.with_suffix('').name} holds" if genuine else f"has not the md5 {md5}"
            raise DataError(f"{source}: {archive} {what}; remove both and fetch them again")
