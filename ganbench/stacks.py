"""Stacks: grey images of digits as the colour channels of one image, so that all combinations are known modes."""

import torch
from torch import Tensor

from ganbench.data import Split

CLASSES = 10


def drawn(digits: Split, count: int, channels: int, stream: torch.Generator) -> Split:
    """Stacks (count, channels, size, size) of digits (n, 1, size, size) drawn with replacement, channels independently.

    The label has the digits of the channels as its decimal digits, the first channel's first. Raises ValueError for
    digits without labels.
    """
    if digits.labels is None:
        raise ValueError("stacks are made of labelled digits, and these have no labels")
    chosen = torch.randint(len(digits.samples), (count, channels), generator=stream)
    return Split(digits.samples[chosen, 0], joined(digits.labels[chosen], CLASSES))


def joined(labels: Tensor, classes: int) -> Tensor:
    """The label of each stack (n,) from those of its channels (n, channels): digits of a number, of base `classes`."""
    return (labels * _places(labels.shape[1], classes)).sum(1)


def apart(labels: Tensor, channels: int, classes: int) -> Tensor:
    """The labels of the channels (n, channels) from the label of each stack (n,)."""
    return labels[:, None] // _places(channels, classes) % classes


def _places(channels: int, classes: int) -> Tensor:
    return classes ** torch.arange(channels - 1, -1, -1)
