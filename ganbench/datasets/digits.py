"""1,797 handwritten digits that come with scikit-learn: real data without a download."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch.nn.functional import interpolate

from ganbench.data import Split
from ganbench.streams import stream

TRAIN, VALIDATION = 797, 500  # the other 500 are the test split


@dataclass(frozen=True)
class Dataset:
    """The test set of the UCI optical digits (Alpaydin & Kaynak 1998), 8x8 pixels, 17 grey levels.

    The images are enlarged by bilinear interpolation to `size` x `size` pixels. That adds no detail: what a
    16x16 sample shows is what an 8x8 sensor saw. 797 are for training, 500 for validation, 500 for testing.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10
    extractor: ClassVar[str] = "cnn"
    classifier_epochs: ClassVar[int] = 40
    accuracy_gate: ClassVar[float] = 0.95

    size: Literal[16, 32] = 16

    def splits(self, raw: Path) -> dict[str, Split]:
        """The three splits, a fixed shuffle; needs no files."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = torch.from_numpy(bunch.images).float()[:, None] / 16 * 255
        images = interpolate(images, size=(self.size, self.size), mode="bilinear", align_corners=False)
        samples, labels = images.round().to(torch.uint8), torch.from_numpy(bunch.target).long()
        order = torch.randperm(len(samples), generator=stream(0, "digits splits"))
        parts = order.tensor_split([TRAIN, TRAIN + VALIDATION])
        names = ("train", "validation", "test")
        return {name: Split(samples[part], labels[part]) for name, part in zip(names, parts, strict=True)}
