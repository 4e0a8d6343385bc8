"""Stacked digits: three of scikit-learn's digits as colour channels, 1,000 modes without a download."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganbench import stacks
from ganbench.data import Split
from ganbench.datasets import digits
from ganbench.streams import stream

COUNTS = {"train": 25_600, "validation": 10_000, "test": 10_000}


@dataclass(frozen=True)
class Dataset:
    """The idea of stacked MNIST (Metz et al. 2017, arXiv:1611.02163) with the digits that come with scikit-learn.

    A stack has three digits, or two, drawn independently as its channels, and its mode is their combination. The
    stacks of a split are made of the digits of that split only, so no test digit was ever trained on. There are just
    797 training digits: that a combination is new says little about whether its digits were learnt by heart. And the
    classifier takes 2 to 4 in 100 digits for others, so a few samples may seem to be of modes that were never made;
    modes that are covered are counted better than modes that are seen once.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10  # of a channel
    covered_share: ClassVar[float] = 0.25
    extractor: ClassVar[str] = "channel-cnn"
    classifier_epochs: ClassVar[int] = 40
    accuracy_gate: ClassVar[float] = 0.85  # of whole stacks: 0.95 a channel

    size: Literal[16, 32] = 16
    """Pixels a side."""
    channels: Literal[2, 3] = 3

    def splits(self, raw: Path) -> dict[str, Split]:
        """25,600 stacks for training, 10,000 for validation, 10,000 for testing; needs no files."""
        singles = digits.Dataset(self.size).splits(raw)
        return {
            name: stacks.drawn(singles[name], count, self.channels, stream(0, f"stacked digits {name}"))
            for name, count in COUNTS.items()
        }
