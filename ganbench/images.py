"""Datasets of images: found or downloaded through torchvision, checked, cropped, resized, and divided into splits."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ganbench.data import DataError, Split
from ganbench.streams import stream

Found = TypeVar("Found")

FAILURES = (OSError, RuntimeError, ValueError, AssertionError, TypeError, KeyError)
"""What torchvision raises of files that are missing or broken."""

CIFAR_COUNTS = {"train": 50_000, "test": 10_000}
RESIZED_AT_ONCE = 1_000


def fetched(read: Callable[[], Found], source: str, place: Path, advice: str) -> Found:
    """What `read` finds in `place`, downloading what is missing. Raises DataError with `advice`, which says which
    files to put there and where they come from."""
    try:
        return read()
    except FAILURES as error:
        raise DataError(
            f"{source}: the files in {place} are missing or broken, and cannot be downloaded ({error!r}). {advice}, or "
            f"point the study's `data:` key or GANBENCH_DATA at the folder that holds them"
        ) from error


def checked(source: str, split: Split, shape: tuple[int, ...], classes: int) -> Split:
    """The split. Raises DataError if it has not that shape (n, channels, size, size), or as many labels, all of 0 to
    `classes` - 1 among them."""
    samples, labels, _ = split
    if samples.shape != shape or samples.dtype != torch.uint8:
        raise DataError(f"{source}: there are {samples.dtype} {tuple(samples.shape)}, and not images {shape} of bytes")
    if labels is not None and (len(labels) != len(samples) or labels.unique().tolist() != list(range(classes))):
        raise DataError(
            f"{source}: there are {len(labels)} labels from {labels.min()} to {labels.max()}, and not {len(samples)} "
            f"from 0 to {classes - 1} with each among them"
        )
    return split


def cifar(source: Literal["CIFAR10", "CIFAR100"], raw: Path, classes: int) -> dict[str, Split]:
    """The splits of CIFAR, which torchvision reads or downloads: 40,000, 10,000 for validation, 10,000."""
    from torchvision import datasets

    known = getattr(datasets, source)
    advice = f"Put {known.filename} from {known.url} into {raw}"
    published = {}
    for split, count in CIFAR_COUNTS.items():
        found = fetched(partial(known, raw, split == "train", download=True), source, raw, advice)
        samples = torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous()
        published[split] = checked(source, Split(samples, torch.tensor(found.targets)), (count, 3, 32, 32), classes)
    return held_out(published["train"], published["test"], CIFAR_COUNTS["test"])


def held_out(train: Split, test: Split, count: int, at_random: bool = True) -> dict[str, Split]:
    """The published test split, and the published training split without `count` images, which are for validation: a
    fixed random choice, or the last ones.

    Published files are not always shuffled: MNIST's last 10,000 images are farther from its test split than a random
    10,000, which would put the row of real data too high. Where neighbours in the file are alike, a random choice
    would show the training split.
    """
    places = torch.arange(len(train.samples))
    if at_random:
        places = places[torch.randperm(len(places), generator=stream(0, "validation split"))]
    parts = {"train": places[:-count].sort().values, "validation": places[-count:].sort().values}
    return {**{name: taken(train, at) for name, at in parts.items()}, "test": test}


def taken(split: Split, places: Tensor) -> Split:
    """Some samples of a split, with all that belongs to them."""
    return Split(split.samples[places], *(None if part is None else part[places] for part in split[1:]))


def mirrored(splits: dict[str, Split]) -> dict[str, Split]:
    """The same splits, but the mirror images of all training images are training images too.

    Flipping belongs to training, so the other splits stay as they are. A random flip of every batch would show the
    same images as often.
    """
    samples, *rest = splits["train"]
    both = torch.cat([samples, samples.flip(-1)])
    return {**splits, "train": Split(both, *(None if part is None else torch.cat([part, part]) for part in rest))}


def resized(images: Tensor, size: int) -> Tensor:
    """uint8 square images (n, channels, any, any) to (n, channels, size, size): bicubic, with antialiasing."""
    if images.shape[-1] == size:
        return images
    parts = [
        interpolate(part.float(), size=(size, size), mode="bicubic", antialias=True).round_().clamp_(0, 255).byte()
        for part in images.split(RESIZED_AT_ONCE)
    ]
    return torch.cat(parts)


def decoded(paths: Sequence[Path], size: int, crop: int | None, colour: bool = True) -> Tensor:
    """Image files as uint8 (n, 3 or 1, size, size): the middle square of `crop` pixels, or the largest one, resized.

    Raises DataError for a file that cannot be read, or that is smaller than `crop`.
    """
    from torchvision.transforms.functional import center_crop, pil_to_tensor

    images = torch.empty(len(paths), 3 if colour else 1, size, size, dtype=torch.uint8)
    for index, path in enumerate(paths):
        try:
            with Image.open(path) as file:
                pixels = pil_to_tensor(file.convert("RGB" if colour else "L"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's, of bad files
            raise DataError(f"{path}: cannot be read as an image ({error}); remove it or fetch it again") from error
        side = min(pixels.shape[1:])
        if crop is not None and crop > side:
            raise DataError(f"{path}: no {crop}x{crop} pixels can be cropped from {pixels.shape[2]}x{pixels.shape[1]}")
        images[index] = resized(center_crop(pixels, [crop or side] * 2)[None], size)[0]
    return images
