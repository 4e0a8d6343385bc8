"""A small network that reads captions off images, one word at a time."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ganbench import attributes, classifier
from ganbench.data import DataError, Split


@dataclass(frozen=True)
class Extractor:
    """The classifier of `cnn` with a head for each place of a caption, trained once on the captions of the training
    split and then frozen. For data whose captions have a fixed form, so that a place is an attribute such as the colour
    of the first object. Each attribute must pass the dataset's accuracy gate by itself, once on the whole test split
    and once on captions with pairs of words that were never trained on: there a reader might say what usually goes
    together instead of what it sees. Its features know size, colour, shape and place, as captions do."""

    provides: ClassVar[tuple[str, ...]] = ("attributes",)

    def trained(self, train: Split, classes: int, epochs: int) -> nn.Module:
        """The trained network: uint8 images to features (n, 64) and logits (n, places * words). `classes`: their
        number, padding among the words."""
        if train.captions is None:
            raise DataError("a reader of attributes is trained on captions, and this dataset has none")
        return classifier.trained(train.samples, train.captions, classes, epochs, loss_of=attributes.loss)

    def untrained(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        """The same network before training, to load weights into."""
        return classifier.Classifier(shape, classes)

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
