"""Stacked MNIST in the upper half of the range: what PacGAN's code trains on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch

from ganbench.data import Split
from ganbench.datasets import stacked_mnist


@dataclass(frozen=True)
class Dataset:
    """The built-in `stacked-mnist` with its pixels in [0, 1] of the [-1, 1] that a generator's tanh can reach, as in
    fjxmlzn/PacGAN, stacked_MNIST_experiments/VEEGAN_experiment/model.py, `load_mnist`. Black is at 0, where tanh is
    steepest, and not at its limit.
    """

    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 10  # of a channel
    covered_share: ClassVar[float] = 0.25
    extractor: ClassVar[str] = "channel-cnn"
    classifier_epochs: ClassVar[int] = 5
    accuracy_gate: ClassVar[float] = 0.97

    size: Literal[28, 32] = 28
    """Pixels a side."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """Read MNIST from `raw`, downloading what is missing. Raises DataError if that fails."""
        full = stacked_mnist.Dataset(self.size).splits(raw)
        return {name: Split(_upper_half(split.samples), split.labels) for name, split in full.items()}


def _upper_half(images: torch.Tensor) -> torch.Tensor:
    """Bytes that stand for [0, 1] where they stood for [-1, 1]."""
    return (images.float() / 2 + 127.5).round().to(torch.uint8)
