"""The frozen classifier of an image dataset: its features and logits are what images are measured by.

Trained once per dataset by a rule of its own, on the training split; accepted only above an accuracy gate;
named by the hash of its weights in every number that it helped to make.
"""

import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganbench import data, files, layout, optimizers
from ganbench.runs import Dataset
from ganbench.streams import derive, stream

SEED = 0
BATCH = 50
DEAD = 1e-4  # a feature whose variance is below this share of the mean variance says nothing


class ClassifierError(Exception):
    """A classifier that missed its gate, or whose weights are not the recorded ones."""


class Classifier(nn.Module):
    """Two convolutions, 64 features, linear logits.

    The features are divided by `scale`, so that their mean variance over the training split is 1: a Frechet
    distance then has a scale that can be read, and a kernel distance does not cube an accident of training.
    """

    scale: Tensor

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
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
            nn.Linear(64 * (size // 4) ** 2, 64),
            nn.LeakyReLU(0.2),  # plain ReLU left 40 of 64 features dead on the digits
        )
        self.head = nn.Linear(64, classes)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Floats in [-1, 1] (n, channels, size, size) to features (n, 64) and logits (n, classes)."""
        features = self.body(images)
        return features / self.scale, self.head(features)


@torch.no_grad()
def describe(classifier: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 images to features (n, 64) and logits (n, classes), both float64, in batches."""
    outputs = [classifier(data.as_floats(batch)) for batch in images.split(500)]
    return torch.cat([f for f, _ in outputs]).double(), torch.cat([logits for _, logits in outputs]).double()


def accuracy(classifier: Classifier, images: Tensor, labels: Tensor) -> float:
    """The share of images whose largest logit is at their label."""
    return float((describe(classifier, images)[1].argmax(1) == labels).double().mean())


def fit(dataset: Dataset) -> None:
    """Train, check and write the classifier of a dataset, with its card. Raises ClassifierError."""
    epochs, gate = dataset.card.traits["classifier_epochs"], dataset.card.traits["accuracy_gate"]
    train, test = data.read(dataset, "train"), data.read(dataset, "test")
    if train.labels is None or test.labels is None:
        raise ClassifierError(f"dataset '{dataset.label}' has no labels, and a classifier needs them")
    optimizers.warm_up()
    cpu_start = time.process_time()
    torch.manual_seed(derive(SEED, "classifier initialisation"))
    shape = (train.samples.shape[1], train.samples.shape[2], train.samples.shape[3])
    classifier = Classifier(shape, dataset.card.traits["classes"])
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3, fused=True)
    order = stream(SEED, "classifier order")
    for _ in range(epochs):
        for index in torch.randperm(len(train.samples), generator=order).split(BATCH):
            loss = cross_entropy(classifier(data.as_floats(train.samples[index]))[1], train.labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    variance = describe(classifier.eval(), train.samples)[0].var(0)
    dead = int((variance < DEAD * variance.mean()).sum())
    if dead:
        raise ClassifierError(f"{dead} of the 64 features of the classifier of '{dataset.label}' do not vary")
    classifier.scale.copy_(variance.mean().sqrt())
    reached = accuracy(classifier, test.samples, test.labels)
    if reached < gate:
        raise ClassifierError(
            f"the classifier of '{dataset.label}' reached an accuracy of {reached:.4f} on the test split, below its "
            f"gate of {gate}; numbers measured by it would mean little"
        )
    card = layout.classifier(_key(dataset))
    weights = _weights(card)
    with files.replacing(weights) as temporary:
        save_file(classifier.state_dict(), temporary)
    files.write_json(
        card,
        {
            "name": f"{dataset.card.name}-cnn",
            "dataset": dataset.spec,
            "data_sha256": data.fingerprint(train.samples),
            "split": "train",
            "seed": SEED,
            "epochs": epochs,
            "shape": list(shape),
            "classes": dataset.card.traits["classes"],
            "features": 64,
            "test_accuracy": reached,
            "accuracy_gate": gate,
            "torch": torch.__version__,
            "weights_sha256": fingerprint(classifier),
            "cpu_seconds": time.process_time() - cpu_start,
        },
    )


def read(dataset: Dataset) -> tuple[Classifier, dict[str, Any]]:
    """The frozen classifier and its card. Raises ClassifierError if the weights are not the recorded ones."""
    path = layout.classifier(_key(dataset))
    card = files.read_json(path)
    if card is None:
        raise ClassifierError(f"{path}: no card of a classifier there; `snakemake` makes it")
    channels, height, width = card["shape"]
    classifier = Classifier((channels, height, width), card["classes"])
    classifier.load_state_dict(load_file(_weights(path)))
    if fingerprint(classifier) != card["weights_sha256"]:
        raise ClassifierError(
            f"{_weights(path)}: these weights are not the ones on the card; remove {path.parent} and run again"
        )
    return classifier.eval().requires_grad_(False), card


def fingerprint(network: nn.Module) -> str:
    """sha256 over all tensors of a network, in order."""
    return data.fingerprint(torch.cat([t.detach().double().flatten() for t in network.state_dict().values()]))


def _key(dataset: Dataset) -> str:
    if dataset.classifier_key is None:
        raise ClassifierError(f"dataset '{dataset.label}' holds points, which need no classifier")
    return dataset.classifier_key


def _weights(card: Path) -> Path:
    return card.with_suffix(".safetensors")
