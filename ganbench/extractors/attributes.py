"""A small network that reads captions off images, one word at a time."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganbench import attributes, classifier, data
from ganbench.data import DataError, Split
from ganbench.streams import derive

BATCH, RATE = 100, 3e-3
HIDDEN, FEATURES = 512, 64


class Reader(nn.Module):
    """Three convolutions and a wide layer, 64 features, linear logits. The wide layer is for binding: which of two
    colours is that of the first object follows from sizes and places together. Features are divided by `scale`, as
    those of `classifier.Classifier`."""

    scale: Tensor

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, size, _ = shape
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 4, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(32, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * (size // 8) ** 2, HIDDEN),
            nn.LeakyReLU(0.1),
            nn.Linear(HIDDEN, FEATURES),
            nn.LeakyReLU(0.2),
        )
        self.head = nn.Linear(FEATURES, outputs)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (n, channels, size, size) to features (n, 64) and logits (n, outputs)."""
        features = self.body(data.as_floats(images))
        return features / self.scale, self.head(features)


@dataclass(frozen=True)
class Extractor:
    """A small network with a head for each place of a caption, trained once on captions that have all pairs of words
    and then frozen. For data whose captions have a fixed form, so that a place is an attribute such as the colour of
    the first object. Each attribute must pass the dataset's accuracy gate by itself, on the whole test split and again
    on captions with pairs of words that the training split has not: there a reader might say what usually goes
    together instead of what it sees. Its features know size, colour, shape and place, as captions do."""

    provides: ClassVar[tuple[str, ...]] = ("attributes",)

    def trained(self, train: Split, classes: int, epochs: int) -> nn.Module:
        """The trained network: uint8 images to features (n, 64) and logits (n, places * words). `classes`: their
        number, padding among the words."""
        if train.captions is None:
            raise DataError("a reader of attributes is trained on captions, and this dataset has none")
        torch.manual_seed(derive(0, "reader initialisation"))
        reader = Reader(tuple(train.samples.shape[1:]), classes)
        classifier.fit(reader, train.samples, train.captions, epochs, attributes.loss, batch=BATCH, lr=RATE)
        return reader

    def untrained(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        """The same network before training, to load weights into."""
        return Reader(shape, classes)

    def accuracies(self, logits: Tensor, train: Split, test: Split) -> dict[str, float]:
        """By attribute, the share of test captions that name it in which it is read right."""
        if test.captions is None or train.captions is None:
            raise DataError("attributes are read in images with captions, and this dataset has none")
        right, named = attributes.right(logits, test.captions), attributes.said(test.captions, train.captions)
        held_out = attributes.held_out(test.captions, train.captions)
        groups = {"": named, ", held-out captions": named & held_out[:, None]}
        return {
            f"word {place + 1}{of}": float(right[counted[:, place], place].double().mean())
            for of, counted in groups.items()
            for place in counted.any(0).nonzero().flatten().tolist()
        }
