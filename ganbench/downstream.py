"""Is generated data good for training on? A new classifier, tested on the real reference."""

import math

import torch
from torch import Tensor

from ganbench import classifier
from ganbench.evidence import Reference


def accuracy(images: Tensor, labels: Tensor, real: Reference, steps: int) -> float:
    """The accuracy in percent, on the real reference, of a new classifier trained on uint8 images (n, channels, size,
    size) with labels (n,) for that many steps, rounded up to whole epochs.

    The same for the same input; leaves torch's global random state alone. Raises EvidenceError where the reference
    has no labelled images.
    """
    real_images, real_labels = real.evidence.labelled()
    classes = 1 + int(max(labels.max(), real_labels.max()))
    epochs = math.ceil(steps * classifier.BATCH / len(images))
    with torch.random.fork_rng(devices=[]):
        trained = classifier.trained(images, labels, classes, epochs)
    return 100 * classifier.accuracy(trained, real_images, real_labels)
