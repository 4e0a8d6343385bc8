"""A small classifier, trained on the dataset itself."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ganbench import classifier
from ganbench.data import Split


@dataclass(frozen=True)
class Extractor:
    """Two convolutions and 64 features, trained once on the dataset's training split and then frozen. For small
    grey images, where Inception's features are out of their domain."""

    provides: ClassVar[tuple[str, ...]] = ("logits", "classes")

    def trained(self, train: Split, classes: int, epochs: int) -> nn.Module:
        """The trained network: uint8 images to features (n, 64) and logits (n, classes)."""
        if train.labels is None:
            raise ValueError("a classifier is trained on labels, and this dataset has none")
        return classifier.trained(train.samples, train.labels, classes, epochs)

    def untrained(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        """The same network before training, to load weights into."""
        return classifier.Classifier(shape, classes)
