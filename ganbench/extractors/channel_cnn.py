"""A small classifier of grey images, applied to every channel of a stack."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganbench import classifier, stacks
from ganbench.classifier import Classifier
from ganbench.data import Split


class ChannelClassifier(nn.Module):
    """One classifier of single channels, for images whose channels are grey images of their own."""

    def __init__(self, single: Classifier) -> None:
        super().__init__()
        self.single = single

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (n, channels, size, size) to the channels' features side by side (n, 64 * channels), and the
        log-probabilities of all combinations of their classes (n, classes ** channels), the first channel's first."""
        count, channels = images.shape[:2]
        features, logits = self.single(images.flatten(0, 1).unsqueeze(1))
        first, *others = logits.log_softmax(1).unflatten(0, (count, channels)).unbind(1)
        for other in others:
            first = (first[:, :, None] + other[:, None, :]).flatten(1)
        return features.reshape(count, -1), first


@dataclass(frozen=True)
class Extractor:
    """The classifier of `cnn`, trained once on the single channels of the training split and then frozen. It sees each
    channel as a grey image, so it can name every combination of classes, also one that no training image had."""

    provides: ClassVar[tuple[str, ...]] = ("logits", "classes", "modes")

    def trained(self, train: Split, classes: int, epochs: int) -> nn.Module:
        """The trained network. `classes` are those of a channel; an epoch is every different channel once."""
        if train.labels is None:
            raise ValueError("a classifier is trained on labels, and this dataset has none")
        images = train.samples.flatten(0, 1)
        labels = stacks.apart(train.labels, train.samples.shape[1], classes).flatten()
        distinct = _distinct(images)
        return ChannelClassifier(classifier.trained(images[distinct, None], labels[distinct], classes, epochs)).eval()

    def untrained(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        """The same network before training, to load weights into."""
        return ChannelClassifier(Classifier((1, *shape[1:]), classes))


def _distinct(images: Tensor) -> Tensor:
    """Where each different image (size, size) comes first: stacks repeat the same digits again and again."""
    first: dict[bytes, int] = {}
    for index, image in enumerate(images.numpy()):
        first.setdefault(image.tobytes(), index)
    return torch.tensor(list(first.values()))
