"""CelebA, through torchvision: aligned faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganbench import images
from ganbench.data import DataError, Split

COUNTS = {"train": 162_770, "valid": 19_867, "test": 19_962}
NAMES = {"train": "train", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class Dataset:
    """Faces of celebrities (Liu et al. 2015, arXiv:1411.7766), aligned, 178x218, colour, in the published splits:
    162,770 for training, 19,867 for validation, 19,962 for testing. No celebrity is in two of them.

    The middle `crop` x `crop` pixels are resized. 160 is the crop of Lucic et al. 2018 (arXiv:1711.10337); 108 (faces
    without hair), 140, 148 and 178 (the full width) are as common, and no number may be compared across them. `flip`
    adds the mirror image of every training image. There are forty attributes, but no classes, so no labels, and no
    classifier can be trained.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 0
    extractor: ClassVar[str] = "inception-v3-compat"
    classifier_epochs: ClassVar[int] = 0
    accuracy_gate: ClassVar[float] = 0.0

    size: Literal[32, 48, 64, 128] = 64
    crop: Literal[108, 140, 148, 160, 178] = 160
    flip: bool = False

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read `raw`/celeba: five lists, of which torchvision checks the md5, and the images. It is not downloaded, as
        Google Drive refuses that too often. Raises DataError."""
        splits = {NAMES[split]: self._read(raw, split) for split in COUNTS}
        return images.mirrored(splits) if self.flip else splits

    def _read(self, raw: Path, split: str) -> Split:
        from torchvision.datasets import CelebA

        folder = raw / CelebA.base_folder
        advice = (
            f"Put {', '.join(name for _, _, name in CelebA.file_list)} from "
            f"http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html there, and unpack the archive"
        )
        names = images.fetched(lambda: CelebA(raw, split), "CelebA", folder, advice).filename
        if len(names) != COUNTS[split]:
            raise DataError(f"CelebA: the split '{split}' lists {len(names)} images, and not {COUNTS[split]}")
        paths = [folder / "img_align_celeba" / name for name in names]
        return Split(images.decoded(paths, self.size, self.crop))
