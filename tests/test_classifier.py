"""The frozen classifier: it passes its gate, is the same every time, and cannot be exchanged unnoticed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ganbench import classifier, data, layout, runs
from ganbench.classifier import Classifier, ClassifierError
from ganbench.runs import Dataset

STUDY = """
study: tiny
datasets: [{name}]
architectures: [mlp]
methods: [non-saturating]
seeds: [0]
plugins: [{plugins}]
training: {{generator_steps: 1}}
"""

PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar
import torch
from ganbench.data import Split
from ganbench.streams import stream

@dataclass(frozen=True)
class Dataset:
    """Noise."""
    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 4
    classifier_epochs: ClassVar[int] = 2
    accuracy_gate: ClassVar[float] = {gate}
    size: int = 8

    def splits(self, raw):
        source = stream(0, "noise images")
        def split():
            images = torch.randint(256, (100, 3, self.size, self.size), generator=source, dtype=torch.uint8)
            return Split(images, {labels})
        return {{"train": split(), "validation": split(), "test": split()}}
'''
RANDOM = "torch.randint(4, (100,), generator=source)"


def planned(name: str, plugin: str = "") -> Dataset:
    """A dataset of a study in the current folder, prepared."""
    if plugin:
        Path("noise.py").write_text(plugin)
    Path("study.yaml").write_text(STUDY.format(name=name, plugins="noise.py" if plugin else ""))
    dataset = runs.plan(Path("study.yaml")).datasets[name]
    if not layout.data(dataset.key).exists():
        data.prepare(dataset, Path("nowhere"))
    return dataset


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the classifier of digits was fitted."""
    folder = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        classifier.fit(planned("digits"))
    return folder


@pytest.fixture
def digits(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The dataset, in a copy of that folder, which is the current one."""
    shutil.copytree(fitted, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return planned("digits")


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Dataset]:
    """Images without meaning."""
    monkeypatch.chdir(tmp_path)
    return lambda gate=0.9, labels=RANDOM: planned("noise", PLUGIN.format(gate=gate, labels=labels))


def card_of(dataset: Dataset) -> Path:
    assert dataset.classifier_key
    return layout.classifier(dataset.classifier_key)


def test_the_classifier_of_digits_passes_its_gate_on_the_test_split(digits: Dataset) -> None:
    frozen, card = classifier.read(digits)
    test = data.read(digits, "test")
    assert test.labels is not None
    reached = classifier.accuracy(frozen, test.samples, test.labels)
    assert reached == card["test_accuracy"]
    assert reached >= card["accuracy_gate"] == 0.95
    assert card["name"] == "digits-cnn"
    assert card["data_sha256"] == data.fingerprint(data.read(digits, "train").samples)
    assert card["split"] == "train"


def test_a_frozen_classifier_is_frozen(digits: Dataset) -> None:
    frozen, _ = classifier.read(digits)
    assert not frozen.training
    assert not any(p.requires_grad for p in frozen.parameters())


def test_its_features_have_a_mean_variance_of_one_over_the_training_split(digits: Dataset) -> None:
    frozen, _ = classifier.read(digits)
    features, logits = classifier.describe(frozen, data.read(digits, "train").samples)
    assert features.shape == (797, 64)
    assert logits.shape == (797, 10)
    assert features.dtype == logits.dtype == torch.float64
    assert features.var(0).mean().item() == pytest.approx(1, rel=1e-5)
    assert features.var(0).min() > 1e-3  # none is dead


def test_the_scale_of_the_features_does_not_reach_the_logits() -> None:
    torch.manual_seed(0)
    network = Classifier((1, 16, 16), 10)
    images = torch.randn(3, 1, 16, 16)
    features, logits = network(images)
    network.scale.fill_(2.0)
    scaled, same = network(images)
    assert torch.equal(scaled, features / 2)
    assert torch.equal(same, logits)


def test_describing_images_does_not_depend_on_how_many_there_are(digits: Dataset) -> None:
    frozen, _ = classifier.read(digits)
    images = data.read(digits, "train").samples[:501]
    all_features, all_logits = classifier.describe(frozen, images)
    features, logits = classifier.describe(frozen, images[500:])
    torch.testing.assert_close(all_features[500:], features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(all_logits[500:], logits, rtol=1e-4, atol=1e-5)


def test_a_changed_weight_is_noticed(digits: Dataset) -> None:
    path = card_of(digits).with_suffix(".safetensors")
    tensors = load_file(path)
    tensors["head.bias"][0] += 1e-6
    save_file(tensors, path)
    with pytest.raises(ClassifierError, match="not the ones on the card"):
        classifier.read(digits)


def test_a_changed_scale_is_noticed(digits: Dataset) -> None:
    path = card_of(digits).with_suffix(".safetensors")
    tensors = load_file(path)
    save_file({**tensors, "scale": tensors["scale"] * 2}, path)
    with pytest.raises(ClassifierError, match="not the ones on the card"):
        classifier.read(digits)


def test_a_missing_card_says_what_makes_it(digits: Dataset) -> None:
    card_of(digits).unlink()
    with pytest.raises(ClassifierError, match="snakemake"):
        classifier.read(digits)


def test_a_gate_that_cannot_be_reached_leaves_no_files(noise: Callable[..., Dataset]) -> None:
    dataset = noise()
    with pytest.raises(ClassifierError, match=r"'noise' reached an accuracy of 0\.\d+ .* gate of 0\.9"):
        classifier.fit(dataset)
    assert not card_of(dataset).parent.exists()


def test_a_classifier_is_the_same_every_time(noise: Callable[..., Dataset]) -> None:
    dataset = noise(gate=0.0)
    contents = []
    for seed in (1, 2):
        torch.manual_seed(seed)  # what happened before does not matter
        classifier.fit(dataset)
        card = json.loads(card_of(dataset).read_text())
        contents.append((card["weights_sha256"], card_of(dataset).with_suffix(".safetensors").read_bytes()))
    assert contents[0] == contents[1]


@pytest.mark.slow
def test_the_classifier_of_digits_is_the_same_every_time(digits: Dataset) -> None:
    before = json.loads(card_of(digits).read_text())
    torch.rand(3)
    classifier.fit(digits)
    after = json.loads(card_of(digits).read_text())
    assert after["weights_sha256"] == before["weights_sha256"]
    assert after["test_accuracy"] == before["test_accuracy"]


def test_data_without_labels_have_no_classifier(noise: Callable[..., Dataset]) -> None:
    with pytest.raises(ClassifierError, match="no labels"):
        classifier.fit(noise(labels="None"))


def test_points_have_no_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ClassifierError, match="points"):
        classifier.read(planned("ring8"))


def test_a_fingerprint_covers_every_tensor() -> None:
    torch.manual_seed(0)
    network = Classifier((1, 8, 8), 3)
    prints = {classifier.fingerprint(network)}
    for tensor in network.state_dict().values():
        with torch.no_grad():
            tensor.view(-1)[-1] += 1
        prints.add(classifier.fingerprint(network))
    assert len(prints) == 1 + len(network.state_dict())
