"""Extractors: networks from uint8 images to features and logits, trained on the dataset or pretrained."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

import ganbench
from ganbench import cards, classifier, plugins, stacks
from ganbench.data import Split
from ganbench.streams import stream
from ganbench.weights import WeightsError

FOLDER = Path(ganbench.__file__).parent
CARDS = {path.stem: cards.read_card(path, "extractor") for path in (FOLDER / "extractors").glob("[!_]*.py")}


def built(name: str) -> Any:
    settings, problems = plugins.resolve(CARDS[name], {})
    assert not problems
    return plugins.load(CARDS[name], settings)


def images(*shape: int) -> Tensor:
    return torch.randint(256, shape, generator=stream(0, "test"), dtype=torch.uint8)


def singles() -> dict[str, Split]:
    card = cards.read_card(FOLDER / "datasets" / "digits.py", "dataset")
    found: dict[str, Split] = plugins.load(card, {"size": 16}).splits(Path("nowhere"))
    return found


# trained


@pytest.mark.parametrize(
    ("name", "shape", "width", "classes"),
    [
        ("cnn", (1, 16, 16), 64, 10),
        ("cnn", (3, 32, 32), 64, 10),
        ("channel_cnn", (1, 16, 16), 64, 10),
        ("channel_cnn", (2, 32, 32), 128, 100),
        ("channel_cnn", (3, 16, 16), 192, 1000),
    ],
)
def test_an_untrained_network_has_the_shapes_of_the_trained_one(
    name: str, shape: tuple[int, ...], width: int, classes: int
) -> None:
    extractor = built(name)
    data = Split(images(8, *shape), torch.arange(8))
    trained, untrained = extractor.trained(data, 10, 1), extractor.untrained(shape, 10)
    features, logits = trained(data.samples)
    assert features.shape == (8, width)
    assert logits.shape == (8, classes)
    untrained.load_state_dict(trained.state_dict())
    assert torch.equal(untrained.eval()(data.samples)[1], logits)


@pytest.mark.parametrize("name", ["cnn", "channel_cnn"])
def test_a_trained_network_is_frozen(name: str) -> None:
    network = built(name).trained(Split(images(8, 2, 8, 8), torch.arange(8)), 10, 1)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", ["cnn", "channel_cnn"])
def test_training_needs_labels(name: str) -> None:
    with pytest.raises(ValueError, match="has none"):
        built(name).trained(Split(images(8, 1, 8, 8)), 10, 1)


# channel-cnn


@pytest.fixture(scope="module")
def stacked() -> dict[str, Split]:
    found = singles()
    return {name: stacks.drawn(split, 1000, 3, stream(0, f"test {name}")) for name, split in found.items()}


@pytest.fixture(scope="module")
def network(stacked: dict[str, Split]) -> nn.Module:
    trained: nn.Module = built("channel_cnn").trained(stacked["train"], 10, 20)
    return trained


def labels(split: Split) -> Tensor:
    assert split.labels is not None
    return split.labels


def test_it_knows_the_digits_of_the_channels(network: nn.Module, stacked: dict[str, Split]) -> None:
    test = stacked["test"]
    predicted = stacks.apart(network(test.samples)[1].argmax(1), 3, 10)
    for channel, truth in enumerate(stacks.apart(labels(test), 3, 10).unbind(1)):
        assert (predicted[:, channel] == truth).double().mean() > 0.94
    assert classifier.accuracy(network, test.samples, labels(test)) > 0.85


def test_its_joint_class_is_the_class_of_each_channel(network: nn.Module, stacked: dict[str, Split]) -> None:
    samples = stacked["test"].samples
    joint = network(samples)[1]
    alone = torch.stack([network(samples[:, [channel]])[1].argmax(1) for channel in range(3)], 1)
    assert torch.equal(joint.argmax(1), stacks.joined(alone, 10))


def test_its_joint_logits_are_log_probabilities(network: nn.Module) -> None:
    joint = network(images(20, 3, 16, 16))[1]
    torch.testing.assert_close(joint.exp().sum(1), torch.ones(20))


def test_its_features_are_those_of_the_channels_in_their_order(network: nn.Module) -> None:
    samples = images(20, 3, 16, 16)
    features = network(samples)[0]
    for channel in range(3):
        torch.testing.assert_close(features[:, 64 * channel : 64 * (channel + 1)], network(samples[:, [channel]])[0])


def test_it_trains_on_every_different_digit_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many epochs are as much work for many stacks as for few."""
    seen: list[tuple[Tensor, Tensor]] = []

    def spy(images: Tensor, labels: Tensor, classes: int, _epochs: int) -> classifier.Classifier:
        seen.append((images, labels))
        return classifier.Classifier((1, 8, 8), classes)

    monkeypatch.setattr(classifier, "trained", spy)
    grey = images(5, 1, 8, 8)
    built("channel_cnn").trained(stacks.drawn(Split(grey, torch.arange(5)), 100, 2, stream(0, "test")), 10, 1)
    [(given, given_labels)] = seen
    assert given.shape == (5, 1, 8, 8)
    assert torch.equal(given, grey[given_labels])
    assert sorted(given_labels.tolist()) == [0, 1, 2, 3, 4]


# inception-v3-compat


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of an Inception network that was never trained."""
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        empty = tmp_path_factory.mktemp("weights") / "empty.pth"
        torch.save({}, empty)
        network = FeatureExtractorInceptionV3("random", ["2048"], str(empty))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)  # features of ordinary size
    path = empty.with_name("random.pth")
    torch.save(network.state_dict(), path)
    return path


def test_inception_gives_what_fid_and_is_of_torch_fidelity_are_made_of(weights: Path) -> None:
    layer = FeatureExtractorInceptionV3.get_default_feature_layer_for_metric
    theirs = FeatureExtractorInceptionV3("random", [layer("fid"), layer("isc")], str(weights))
    ours = built("inception_v3_compat").pretrained(weights)
    coloured, grey = images(3, 3, 32, 32), images(2, 1, 32, 32)
    for given, seen in ((coloured, coloured), (grey, grey.repeat(1, 3, 1, 1))):
        features, logits = ours(given)
        assert features.shape == (len(given), 2048)
        assert logits.shape == (len(given), 1008)
        assert features.std(0).mean() > 1e-3
        for mine, other in zip((features, logits), theirs(seen), strict=True):
            assert torch.equal(mine, other)
    assert not any(module.training for module in ours.modules())
    assert not any(parameter.requires_grad for parameter in ours.parameters())
    with pytest.raises(ValueError, match=r"1 or 3 channels.* 2"):
        ours(images(2, 2, 32, 32))


def test_inception_names_torch_fidelitys_own_file() -> None:
    traits = CARDS["inception_v3_compat"].traits
    assert traits["weights_url"] == URL_INCEPTION_V3
    assert traits["weights_url"].endswith(f"/{traits['weights_file']}")
    assert traits["weights_file"].endswith(f"-{traits['weights_sha256']}.pth")


class Malice:
    """What a pickle may do while it is read."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("done"),))


@pytest.mark.parametrize(
    "content",
    [None, b"", b"<html>404</html>", {}, {"fc.weight": torch.zeros(1)}, {"fc.weight": 1}, {1: 1}, [1], Malice()],
    ids=lambda content: type(content).__name__ if isinstance(content, Malice) else repr(content),
)
def test_there_is_no_inception_without_its_weights(
    content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=r"weights\.pth: not the weights of weights-inception"):
        built("inception_v3_compat").pretrained(path)
    assert not Path("done").exists()
