"""A small convolutional classifier: what grey images are measured by, and what generated images are tested on."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LinearLR

from ganbench import data
from ganbench.streams import derive, stream

BATCH = 50
FEATURES = 64


class Classifier(nn.Module):
    """Two convolutions, 64 features, linear logits.

    The features are divided by `scale`, so that their mean variance over the training split is 1: a Frechet
    distance then has a scale that can be read, and a kernel distance does not cube an accident of training.
    """

    scale: Tensor

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * (size // 4) ** 2, FEATURES),
            nn.LeakyReLU(0.2),  # plain ReLU left 40 of 64 features dead on the digits
        )
        self.head = nn.Linear(FEATURES, classes)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (n, channels, size, size) to features (n, 64) and logits (n, classes)."""
        features = self.body(data.as_floats(images))
        return features / self.scale, self.head(features)


def trained(images: Tensor, labels: Tensor, classes: int, epochs: int, seed: int = 0) -> Classifier:
    """A classifier trained on uint8 images and their labels (n,), in evaluation mode; the same for the same input."""
    torch.manual_seed(derive(seed, "classifier initialisation"))
    classifier = Classifier(tuple(images.shape[1:]), classes)
    fit(classifier, images, labels, epochs, cross_entropy, seed)
    return classifier


def fit(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    epochs: int,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    seed: int = 0,
    batch: int = BATCH,
    lr: float = 1e-3,
) -> None:
    """Train a network of features and logits on uint8 images and labels (n, ...), freeze it, and set its `scale`.
    `loss_of` takes logits (batch, classes) and labels (batch, ...)."""
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    steps = epochs * math.ceil(len(images) / batch)
    rate = LinearLR(optimizer, 1.0, 0.0, total_iters=steps)  # a constant rate left the accuracy to the last few batches
    order = stream(seed, "classifier order")
    for _ in range(epochs):
        for index in torch.randperm(len(images), generator=order).split(batch):
            loss = loss_of(network(images[index])[1], labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
    network.eval().requires_grad_(False)
    variance = torch.cat([network(some)[0] for some in images.split(500)]).var(0)
    network.get_buffer("scale").copy_(variance.mean().sqrt())


@torch.no_grad()
def accuracy(classifier: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images whose largest logit is at their label."""
    predicted = torch.cat([classifier(batch)[1].argmax(1) for batch in images.split(500)])
    return float((predicted == labels).double().mean())
