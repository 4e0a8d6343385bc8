"""Stacked MNIST: three digits as colour channels, 1,000 modes."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganbench import stacks
from ganbench.data import Split
from ganbench.datasets import mnist
from ganbench.streams import stream

COUNTS = {"train": 128_000, "validation": 26_000, "test": 26_000}


@dataclass(frozen=True)
class Dataset:
    """Three MNIST digits, or two, drawn independently as colour channels (Metz et al. 2017, arXiv:1611.02163), 28x28
    or padded to 32x32; the mode of a stack is their combination.

    As in PacGAN (Lin et al. 2018, arXiv:1712.04086), 128,000 stacks are trained on and 26,000 are compared. PacGAN
    draws them from all 70,000 digits; here a split is made of the digits of that split of MNIST only (50,000,
    10,000, 10,000), because a digit that was trained on cannot show what was learnt by heart. Modes are as frequent
    as their digits are in MNIST, so not quite equally.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10  # of a channel
    covered_share: ClassVar[float] = 0.25
    extractor: ClassVar[str] = "channel-cnn"
    classifier_epochs: ClassVar[int] = 5
    accuracy_gate: ClassVar[float] = 0.97  # of whole stacks: 0.99 a channel

    size: Literal[28, 32] = 32
    """Pixels a side."""
    channels: Literal[2, 3] = 3

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read MNIST from `raw`, downloading what is missing. Raises DataError if that fails."""
        singles = mnist.Dataset(self.size).splits(raw)
        return {
            name: stacks.drawn(singles[name], count, self.channels, stream(0, f"stacked mnist {name}"))
            for name, count in COUNTS.items()
        }
