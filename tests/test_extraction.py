"""Extractors at work: made once, checked, and never anything but what their cards say."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from ganbench import data, extraction, features, files, layout, reference
from ganbench.evidence import EvidenceError
from ganbench.extraction import ExtractorError
from ganbench.problems import StudyError
from ganbench.weights import WeightsError

NET = '''
"""A linear network with a file of weights."""
from dataclasses import dataclass
from typing import ClassVar
from safetensors.torch import load_file
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 6)

    def forward(self, images):
        return self.linear(images.flatten(1).float() / 255), None

@dataclass(frozen=True)
class Extractor:
    """Someone else's features."""
    provides: ClassVar[tuple[str, ...]] = ()
    weights_url: ClassVar[str] = "file:///nowhere/net.safetensors"
    weights_file: ClassVar[str] = "net.safetensors"
    weights_sha256: ClassVar[str] = "HASH"
    weights_variable: ClassVar[str] = "GANBENCH_TEST_NET"
    weights: str = ""

    def pretrained(self, weights):
        network = Net()
        network.load_state_dict(load_file(weights))
        return network
'''

PIXELS = '''
"""Pixels."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from torch import nn

class Pixels(nn.Module):
    def forward(self, images):
        return images.flatten(1).double(), None

@dataclass(frozen=True)
class Extractor:
    """Images as they are."""
    provides: ClassVar[tuple[str, ...]] = ()

    def fixed(self, shape):
        return Pixels()
'''

ODD = '''
"""A network that is made, not trained."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from torch import nn

class Odd(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.classes = classes

    def forward(self, images):
        mean = images.flatten(1).double().mean(1, keepdim=True)
        return FEATURES, mean.repeat(1, self.classes)

@dataclass(frozen=True)
class Extractor:
    """Odd features."""
    provides: ClassVar[tuple[str, ...]] = ("logits",)

    def trained(self, train, classes, epochs):
        return Odd(classes)

    def untrained(self, shape, classes):
        return Odd(classes)
'''


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def prepared(**changes: Any) -> tiny.Place:
    """Corners with their data."""
    place = tiny.corners(**changes)
    for dataset in place.plan.data.values():
        data.prepare(dataset, Path("nowhere"))
    return place


def made(**changes: Any) -> tiny.Place:
    """Corners with data and extractors."""
    place = prepared(**changes)
    for dataset, extractor in place.plan.extractors.values():
        extraction.make(dataset, extractor)
    return place


def card_of(place: tiny.Place) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(layout.extractor(place.extractor.key).read_text())
    return found


def weights_of(place: tiny.Place) -> Path:
    return layout.extractor(place.extractor.key).with_suffix(".safetensors")


# Trained


def test_the_card_of_a_trained_extractor_says_what_made_it() -> None:
    place = made()
    card = card_of(place)
    assert card["form"] == "trained"
    assert card["label"] == "corners-cnn"
    assert card["dataset"] == place.dataset.spec
    assert (card["split"], card["epochs"]) == ("train", 8)
    assert card["data_sha256"] == {
        name: data.fingerprint(data.read(place.dataset, name).samples) for name in ("train", "test")
    }
    assert card["weights_sha256"] == files.sha256(weights_of(place))
    assert 0.9 == card["accuracy_gate"] <= card["test_accuracy"] <= 1


def test_the_accuracy_on_the_card_is_that_of_the_weights_beside_it() -> None:
    place = made()
    network, card = extraction.read(place.dataset, place.extractor)
    test = data.read(place.dataset, "test")
    _, logits = extraction.describe(network, test.samples)
    assert logits is not None
    assert test.labels is not None
    assert card["test_accuracy"] == float((logits.argmax(1) == test.labels).double().mean())


def test_two_makings_give_equal_weights() -> None:
    place = made()
    first = weights_of(place).read_bytes()
    shutil.rmtree(layout.extractor(place.extractor.key).parent)
    torch.manual_seed(123)  # what happened before does not matter
    extraction.make(place.dataset, place.extractor)
    assert weights_of(place).read_bytes() == first


def test_what_is_read_is_frozen() -> None:
    place = made()
    network, _ = extraction.read(place.dataset, place.extractor)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_an_extractor_below_the_gate_is_refused_and_leaves_nothing() -> None:
    place = prepared(datasets=[{"name": "corners", "bright": 0}])
    with pytest.raises(ExtractorError, match=r"an accuracy of 0\.\d{4} .* below the gate of 0\.9"):
        extraction.make(place.dataset, place.extractor)
    assert not layout.extractor(place.extractor.key).parent.exists()


def test_an_extractor_at_the_gate_passes() -> None:
    place = made()
    reached = card_of(place)["test_accuracy"]
    text = tiny.CORNERS.replace("accuracy_gate: ClassVar[float] = 0.9", f"accuracy_gate: ClassVar[float] = {reached!r}")
    assert card_of(made(files={"corners.py": text}))["accuracy_gate"] == reached


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        ("0 * mean.repeat(1, 4)", True),  # constant
        ("torch.nan * mean.repeat(1, 4)", True),
        ("mean * torch.tensor([[1, 1e-3, 1e-3, 1e-3]])", True),  # three of four vary too little to matter
        ("mean * torch.tensor([[1, 1, 1e-3, 1e-3]])", False),  # half of them
    ],
)
def test_features_that_do_not_vary_are_refused(found: str, refused: bool) -> None:
    changes: Any = {"files": {"odd.py": ODD.replace("FEATURES", found)}, "evaluation": {"extractor": "odd"}}
    if refused:
        with pytest.raises(ExtractorError, match="do not vary on the test split of 'corners'"):
            made(**changes)
    else:
        assert card_of(made(**changes))["dead_features"] == 2


# Weights that are not the ones on the card


def test_a_flipped_byte_is_an_error() -> None:
    place = made()
    content = bytearray(weights_of(place).read_bytes())
    content[-1] ^= 1
    weights_of(place).write_bytes(content)
    with pytest.raises(ExtractorError, match="not the ones on the card"):
        extraction.read(place.dataset, place.extractor)


def test_half_a_file_is_an_error() -> None:
    place = made()
    weights_of(place).write_bytes(weights_of(place).read_bytes()[:1000])
    with pytest.raises(ExtractorError, match="not the ones on the card"):
        extraction.read(place.dataset, place.extractor)


def test_a_missing_file_is_an_error() -> None:
    place = made()
    weights_of(place).unlink()
    with pytest.raises(ExtractorError, match="not the ones on the card"):
        extraction.read(place.dataset, place.extractor)


def test_a_missing_card_is_an_error() -> None:
    place = made()
    layout.extractor(place.extractor.key).unlink()
    with pytest.raises(ExtractorError, match="no card"):
        extraction.read(place.dataset, place.extractor)


def test_the_weights_of_another_dataset_are_an_error() -> None:
    other = weights_of(made(datasets=[{"name": "corners", "bright": 140}]))
    place = made()
    assert weights_of(place) != other
    shutil.copy(other, weights_of(place))
    with pytest.raises(ExtractorError, match="not the ones on the card"):
        extraction.read(place.dataset, place.extractor)


def test_weights_of_another_shape_are_not_loaded() -> None:
    place = made()
    state = load_file(weights_of(place))
    state.pop("head.bias")
    save_file(state, weights_of(place))
    card = {**card_of(place), "weights_sha256": files.sha256(weights_of(place))}
    files.write_json(layout.extractor(place.extractor.key), card)
    with pytest.raises(RuntimeError, match=r"head\.bias"):
        extraction.read(place.dataset, place.extractor)


# Pretrained


def pretrained(expected: str | None = None, path: str = "net.safetensors") -> dict[str, Any]:
    """The changes to a study that has an extractor with a file of weights; `expected` is what its card asks for."""
    if not Path("net.safetensors").exists():
        source = torch.Generator().manual_seed(0)
        state = {"linear.weight": torch.randn(6, 64, generator=source), "linear.bias": torch.zeros(6)}
        save_file(state, "net.safetensors")
    expected = files.sha256(Path("net.safetensors"))[:8] if expected is None else expected
    return {
        "files": {"net.py": NET.replace("HASH", expected)},
        "extractors": [{"name": "net", "label": "theirs", "weights": path}],
        "evaluation": {"extractor": "theirs", "metrics": ["fd", "kd"]},
    }


def test_pretrained_weights_are_named_by_their_hash_beside_every_number() -> None:
    place = tiny.corners(**pretrained()).prepare().train().evaluate()
    found = files.sha256(Path("net.safetensors"))
    said = place.record()["protocol"]
    assert said["extractors"] == {"theirs": {"form": "pretrained", "weights_sha256": found}}
    assert {measure["extractor"] for measure in said["measures"].values()} == {"theirs"}
    assert set(place.record()["evaluations"][0]["metrics"]) == {"fd_theirs_100", "kd_theirs_100"}
    assert place.reference["protocol"] == said


def test_the_path_of_the_weights_is_no_part_of_the_identity() -> None:
    first = tiny.corners(**pretrained())
    shutil.copy("net.safetensors", "moved.safetensors")
    second = tiny.corners(**pretrained(path="moved.safetensors"))
    assert second.extractor.key == first.extractor.key
    assert second.run().evaluation_digest == first.run().evaluation_digest


def test_pretrained_weights_that_changed_are_refused() -> None:
    place = made(**pretrained())
    state = load_file("net.safetensors")
    save_file({name: tensor + 1 for name, tensor in state.items()}, "net.safetensors")
    with pytest.raises(ExtractorError, match="not the ones on the card"):
        features.make(place.dataset, place.extractor, tiny.CPU)


def test_pretrained_weights_with_another_hash_than_the_plugin_asks_for_are_refused() -> None:
    place = prepared(**pretrained(expected="00000000"))
    with pytest.raises(WeightsError, match="these are other weights"):
        extraction.make(place.dataset, place.extractor)
    assert not layout.extractor(place.extractor.key).exists()


def test_weights_that_are_not_there_are_a_problem_of_the_study_before_anything_runs() -> None:
    changes = pretrained()
    Path("net.safetensors").unlink()
    with pytest.raises(StudyError, match=r"extractor 'theirs'.*is not a file"):
        tiny.corners(**changes)


# Fixed


def test_a_fixed_extractor_needs_no_weights() -> None:
    fixed: Any = {"files": {"pixels.py": PIXELS}, "evaluation": {"extractor": "pixels"}}
    place = tiny.corners(**fixed).prepare().train().evaluate()
    card = card_of(place)
    assert (card["form"], card["weights_sha256"]) == ("fixed", None)
    assert not weights_of(place).exists()
    real = reference.read(place.plan, place.dataset, tiny.CPU).references["test"]["pixels"]
    assert torch.equal(real.features, data.read(place.dataset, "test").samples.flatten(1).double())
    assert place.record()["evaluations"][0]["metrics"]["fd_pixels_100"] > 0


def test_features_that_are_no_numbers_are_an_error() -> None:
    text = PIXELS.replace("images.flatten(1).double()", "images.flatten(1).double().log()")
    with pytest.raises(EvidenceError, match="not finite"):
        tiny.corners({"pixels.py": text}, evaluation={"extractor": "pixels"}).prepare()


def test_generated_and_real_images_are_seen_with_the_same_precision() -> None:
    text = PIXELS.replace(".double()", ".double() / 3")
    place = tiny.corners({"pixels.py": text}, evaluation={"extractor": "pixels"}).prepare()
    instruments = reference.read(place.plan, place.dataset, tiny.CPU)
    test = data.read(place.dataset, "test").samples
    seen = instruments.see(test, place.dataset.measures.values())["pixels"]
    assert torch.equal(seen.features, instruments.references["test"]["pixels"].features)
