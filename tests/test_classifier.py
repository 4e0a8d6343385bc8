"""The small classifier: it learns, it is the same every time, and its features have a readable scale."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganbench import classifier
from ganbench.classifier import FEATURES, Classifier
from ganbench.data import Split
from ganbench.datasets import digits, mnist
from ganbench.streams import stream

RAW = Path(os.environ.get("GANBENCH_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def labels(split: Split) -> Tensor:
    assert split.labels is not None
    return split.labels


@pytest.fixture(scope="module")
def splits() -> dict[str, Split]:
    return digits.Dataset().splits(Path("nowhere"))


@pytest.fixture(scope="module")
def trained(splits: dict[str, Split]) -> Classifier:
    train = splits["train"]
    return classifier.trained(train.samples, labels(train), 10, digits.Dataset.classifier_epochs)


def noise(channels: int = 3) -> tuple[Tensor, Tensor]:
    source = stream(0, "test")
    images = torch.randint(256, (100, channels, 8, 8), generator=source, dtype=torch.uint8)
    return images, torch.randint(4, (100,), generator=source)


def weights(network: Classifier) -> list[Tensor]:
    return list(network.state_dict().values())


@pytest.mark.parametrize("name", ["validation", "test"])
def test_it_reaches_the_gate_of_digits_on_images_that_it_never_saw(
    name: str, trained: Classifier, splits: dict[str, Split]
) -> None:
    split = splits[name]
    assert classifier.accuracy(trained, split.samples, labels(split)) >= digits.Dataset.accuracy_gate


@pytest.mark.slow
@pytest.mark.skipif(not (RAW / "MNIST" / "raw").is_dir(), reason=f"no MNIST in {RAW}")
def test_it_reaches_the_gate_of_mnist() -> None:
    found = mnist.Dataset().splits(RAW)
    train, test = found["train"], found["test"]
    network = classifier.trained(train.samples, labels(train), 10, mnist.Dataset.classifier_epochs)
    assert classifier.accuracy(network, test.samples, labels(test)) >= mnist.Dataset.accuracy_gate


def test_it_is_frozen(trained: Classifier) -> None:
    assert not any(module.training for module in trained.modules())
    assert not any(parameter.requires_grad for parameter in trained.parameters())


def test_its_features_have_a_mean_variance_of_one_over_what_it_was_trained_on(
    trained: Classifier, splits: dict[str, Split]
) -> None:
    features, logits = trained(splits["train"].samples)
    assert features.shape == (797, FEATURES)
    assert logits.shape == (797, 10)
    assert features.double().var(0).mean().item() == pytest.approx(1, rel=1e-5)
    assert features.var(0).min() > 1e-3  # none is dead


def test_the_scale_of_the_features_does_not_reach_the_logits() -> None:
    images, _ = noise()
    network = Classifier((3, 8, 8), 4)
    features, logits = network(images)
    network.scale.fill_(2.0)
    scaled, same = network(images)
    assert torch.equal(scaled, features / 2)
    assert torch.equal(same, logits)


def test_an_image_is_seen_alone_as_among_others(trained: Classifier, splits: dict[str, Split]) -> None:
    images = splits["test"].samples
    for many, alone in zip(trained(images), trained(images[7:8]), strict=True):
        torch.testing.assert_close(many[7:8], alone, rtol=1e-4, atol=1e-5)


def test_it_is_the_same_every_time() -> None:
    images, truth = noise()
    networks = []
    for seed in (1, 2):
        torch.manual_seed(seed)  # what happened before does not matter
        networks.append(classifier.trained(images, truth, 4, 2))
    assert all(torch.equal(a, b) for a, b in zip(*map(weights, networks), strict=True))


def test_another_seed_gives_another() -> None:
    images, truth = noise()
    first, second = (weights(classifier.trained(images, truth, 4, 1, seed)) for seed in (0, 1))
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_more_epochs_fit_better() -> None:
    images, truth = noise(channels=1)
    networks = [classifier.trained(images, truth, 4, epochs) for epochs in (1, 100)]
    few, many = (cross_entropy(network(images)[1], truth) for network in networks)
    assert many < few / 2


def test_accuracy_is_the_share_of_images_whose_class_is_right() -> None:
    images, _ = noise()
    images = images.repeat(6, 1, 1, 1)  # more than are classified at once
    network = Classifier((3, 8, 8), 4).eval()
    predicted = network(images)[1].argmax(1)
    assert classifier.accuracy(network, images, predicted) == 1
    wrong = torch.where(torch.arange(600) < 150, predicted, (predicted + 1) % 4)
    assert classifier.accuracy(network, images, wrong) == 0.25
