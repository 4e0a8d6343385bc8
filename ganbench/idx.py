"""MNIST and the datasets that took its place and format: IDX files of 28x28 grey images, read by torchvision."""

from pathlib import Path
from typing import Literal

import torch
from torch.nn.functional import pad

from ganbench.data import DataError, Split

COUNTS = {"train": 60_000, "test": 10_000}
PREFIXES = {"train": "train", "test": "t10k"}
TRAIN = 50_000  # of the 60,000 training images; the last 10,000 are the validation split


def read(source: Literal["MNIST", "FashionMNIST"], raw: Path) -> dict[str, Split]:
    """The published splits `train` (60,000) and `test` (10,000): images uint8 (n, 28, 28), labels int64 0 to 9.

    They are read from `raw`/<source>/raw, and what is missing there is downloaded. Raises DataError if that fails,
    or if counts, shapes or labels are not those of the source.
    """
    return {split: _read(source, raw, split) for split in COUNTS}


def splits(published: dict[str, Split]) -> dict[str, Split]:
    """Images uint8 (n, 1, 32, 32), two black pixels added on each side: 50,000, 10,000 for validation, 10,000."""
    images, labels = {}, {}
    for name, split in published.items():
        images[name], labels[name] = pad(split.samples[:, None], (2, 2, 2, 2)), split.labels
    assert labels["train"] is not None
    return {
        "train": Split(images["train"][:TRAIN], labels["train"][:TRAIN]),
        "validation": Split(images["train"][TRAIN:], labels["train"][TRAIN:]),
        "test": Split(images["test"], labels["test"]),
    }


def folder(source: str, raw: Path) -> Path:
    """Where torchvision expects the files."""
    return raw / source / "raw"


def _read(source: str, raw: Path, split: str) -> Split:
    from torchvision import datasets

    known = getattr(datasets, source)
    prefix, place = PREFIXES[split], folder(source, raw)
    try:
        found = known(root=raw, train=split == "train", download=True)
    except (
        OSError,
        RuntimeError,
        ValueError,
        AssertionError,
        TypeError,
        KeyError,
    ) as error:  # torchvision's, of bad files
        raise DataError(
            f"{source}: the files in {place} are missing or broken, and cannot be downloaded ({error!r}). Put "
            f"{prefix}-images-idx3-ubyte and {prefix}-labels-idx1-ubyte (unpacked, or as .gz) from {known.mirrors[0]} "
            f"there, or point the study's `data:` key or GANBENCH_DATA at the folder that holds {source}/raw"
        ) from error
    images, labels = found.data, found.targets
    count = COUNTS[split]
    if images.shape != (count, 28, 28) or images.dtype != torch.uint8:
        raise DataError(
            f"{source}: {place / prefix}-images-idx3-ubyte holds {images.dtype} {tuple(images.shape)} and not "
            f"{count} images of 28x28 bytes; remove it and fetch it again"
        )
    if labels.shape != (count,) or labels.min() < 0 or labels.max() > 9:
        raise DataError(
            f"{source}: {place / prefix}-labels-idx1-ubyte holds {len(labels)} labels from {labels.min()} to "
            f"{labels.max()} and not {count} from 0 to 9; remove it and fetch it again"
        )
    return Split(images, labels)
