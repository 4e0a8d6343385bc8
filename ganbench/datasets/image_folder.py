"""Your own images, in folders."""

import itertools
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import ClassVar

import torch
from pydantic import PositiveInt

from ganbench import data, images
from ganbench.data import DataError, Split
from ganbench.streams import stream

Files = list[tuple[Path, int]]
"""With the number of their class."""


@dataclass(frozen=True)
class Dataset:
    """Image files in `folder`, which lies in the data folder, with one folder per class:

    - `folder`/train/<class>/, `folder`/test/<class>/ and, if it is there, `folder`/validation/<class>/ are the splits.
      Without the latter a tenth of the training images, by a fixed shuffle, is for validation.
    - Otherwise the images in `folder`/<class>/ are divided by a fixed shuffle: 80 %, 10 % for validation, 10 % for
      testing. That is only honest if no two of them show the same thing.

    The middle `crop` x `crop` pixels, or the largest square, are resized to `size` x `size`, in colour or grey. `flip`
    adds the mirror image of every training image. Labels are the classes in alphabetical order; their number is not
    known before the files are read, hence 0 classes, and no classifier is trained. The files are read once: after
    changing them, remove results/datasets/image-folder-*.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 0
    extractor: ClassVar[str] = "inception-v3-compat"
    classifier_epochs: ClassVar[int] = 0
    accuracy_gate: ClassVar[float] = 0.0

    folder: str = "images"
    size: PositiveInt = 64
    crop: PositiveInt | None = None
    colour: bool = True
    flip: bool = False

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read the images. Raises DataError if there are none, or if one cannot be read."""
        inside = PurePath(self.folder)
        if inside.is_absolute() or ".." in inside.parts or not inside.parts:
            raise DataError(
                f"image-folder: '{self.folder}' is not a path inside the data folder {raw}; to use images from "
                f"elsewhere, put a link to them there, or point the study's `data:` key at what holds them"
            )
        splits = {name: self._read(files) for name, files in _files(raw / inside).items()}
        return images.mirrored(splits) if self.flip else splits

    def _read(self, files: Files) -> Split:
        samples = images.decoded([path for path, _ in files], self.size, self.crop, self.colour)
        return Split(samples, torch.tensor([label for _, label in files]))


def _files(folder: Path) -> dict[str, Files]:
    """The files of each split. Raises DataError."""
    named = [name for name in data.SPLITS if (folder / name).is_dir()]
    if not named:
        whole = _shuffled(_listed(folder)[1])
        bounds = [0, 8 * len(whole) // 10, 9 * len(whole) // 10, len(whole)]
        return {name: whole[a:b] for name, (a, b) in zip(data.SPLITS, itertools.pairwise(bounds), strict=True)}
    classes, files = {}, {}
    for name in dict.fromkeys(["train", "test", *named]):
        classes[name], files[name] = _listed(folder / name)
    if any(kinds != classes["train"] for kinds in classes.values()):
        raise DataError(f"image-folder: {folder} has not the same classes in every split: {classes}")
    if "validation" not in files:
        shuffled, held = _shuffled(files["train"]), max(1, len(files["train"]) // 10)
        files |= {"train": shuffled[:-held], "validation": shuffled[-held:]}
    return files


def _listed(folder: Path) -> tuple[list[str], Files]:
    """The classes of a folder, and its files in a fixed order."""
    from torchvision.datasets import ImageFolder

    try:
        found = ImageFolder(folder)
    except OSError as error:
        raise DataError(f"image-folder: {error}; put images into one folder per class in {folder}") from error
    return found.classes, [(Path(path), label) for path, label in found.samples]


def _shuffled(files: Files) -> Files:
    order = torch.randperm(len(files), generator=stream(0, "image folder splits"))
    return [files[index] for index in order]
