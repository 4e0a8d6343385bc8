"""STL-10, through torchvision: its unlabelled part."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch

from ganbench import images
from ganbench.data import Split

COUNT, PARTS = 100_000, (80_000, 90_000)  # where the validation and the test split begin


@dataclass(frozen=True)
class Dataset:
    """The 100,000 unlabelled photographs of STL-10 (Coates et al. 2011), from ImageNet, 96x96, colour; resized to
    48x48, as in SN-GAN (Miyato et al. 2018, arXiv:1802.05957).

    The first 80,000 are for training, then 10,000 for validation and 10,000 for testing. The published test split is
    of another distribution, ten classes only, so that a perfect generator would not match it. `flip` adds the mirror
    image of every training image. Without labels no classifier can be trained: there are 0 classes.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 0
    extractor: ClassVar[str] = "inception-v3-compat"
    classifier_epochs: ClassVar[int] = 0
    accuracy_gate: ClassVar[float] = 0.0

    size: Literal[32, 48, 64, 96] = 48
    flip: bool = False

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/stl10_binary, downloading what is missing: torchvision checks the md5 of every file. Raises
        DataError."""
        from torchvision.datasets import STL10

        advice = f"Put {STL10.filename} from {STL10.url} into {raw}"
        found = images.fetched(lambda: STL10(raw, "unlabeled", download=True), "STL10", raw, advice)
        published = images.checked("STL10", Split(torch.from_numpy(found.data)), (COUNT, 3, 96, 96), self.classes)
        parts = images.resized(published.samples, self.size).tensor_split(PARTS)
        splits = {name: Split(part) for name, part in zip(("train", "validation", "test"), parts, strict=True)}
        return images.mirrored(splits) if self.flip else splits
