"""The real features of a dataset: complete, shared, and of the extractor that the card names."""

import json
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganbench import bins, data, extraction, features, layout
from ganbench.extraction import ExtractorError
from ganbench.features import StaleFeaturesError

Kept = dict[str, torch.Tensor]

FLAT = '''
"""A network that sees nothing."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from torch import nn

class Flat(nn.Module):
    def forward(self, images):
        return torch.ones(len(images), 3), None

@dataclass(frozen=True)
class Extractor:
    """Ones."""
    provides: ClassVar[tuple[str, ...]] = ()

    def fixed(self, shape):
        return Flat()
'''


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tiny.Place:
    monkeypatch.chdir(tmp_path)
    return tiny.corners().prepare()


def path(place: tiny.Place) -> Path:
    return layout.features(place.dataset.features_key(place.extractor))


def kept(place: tiny.Place) -> Kept:
    return load_file(path(place).with_suffix(".safetensors"))


@pytest.mark.parametrize("split", data.SPLITS)
def test_the_features_of_every_split_are_those_that_the_extractor_makes_of_its_images(
    place: tiny.Place, split: str
) -> None:
    network, card = extraction.read(place.dataset, place.extractor)
    made, logits = extraction.describe(network, data.read(place.dataset, split).samples)
    seen = features.evidence(features.read(place.dataset, place.extractor, card), split)
    assert torch.equal(seen.features, made)
    assert logits is not None
    if split == "train":
        assert seen.logits is None
    else:
        assert seen.logits is not None
        assert torch.equal(seen.logits, logits)


def test_the_record_says_what_they_are_of(place: tiny.Place) -> None:
    record = json.loads(path(place).read_text())
    card = json.loads(layout.extractor(place.extractor.key).read_text())
    assert record["weights_sha256"] == card["weights_sha256"]
    assert record["dataset"] == place.dataset.spec
    assert record["extractor"] == place.extractor.spec
    assert record["samples"] == {"train": 200, "validation": 120, "test": 130}
    assert record["dimensions"] == 64


def test_the_spacing_is_the_distance_to_the_nearest_other_sample(place: tiny.Place) -> None:
    train = kept(place)["train_features"].double()
    distances = (train[:, None] - train[None]).norm(dim=2).fill_diagonal_(torch.inf)
    torch.testing.assert_close(kept(place)["train_spacing"].double(), distances.min(1).values, rtol=1e-6, atol=0)


def test_every_training_sample_is_in_the_bin_of_its_nearest_centre(place: tiny.Place) -> None:
    training = features.training(kept(place))
    assert len(training.bin_centres) == bins.number(200) == 4
    nearest = (training.evidence.features[:, None] - training.bin_centres[None]).norm(dim=2).argmin(1)
    assert training.bin_counts.tolist() == torch.bincount(nearest, minlength=4).tolist()
    assert training.bin_counts.tolist() == sorted(training.bin_counts.tolist(), reverse=True)


def test_they_are_the_same_every_time(place: tiny.Place) -> None:
    before = path(place).with_suffix(".safetensors").read_bytes()
    features.make(place.dataset, place.extractor, tiny.CPU)
    assert path(place).with_suffix(".safetensors").read_bytes() == before


def test_features_by_other_weights_are_refused(place: tiny.Place) -> None:
    _, card = extraction.read(place.dataset, place.extractor)
    with pytest.raises(StaleFeaturesError, match="not the features by these weights"):
        features.read(place.dataset, place.extractor, {**card, "weights_sha256": "00"})


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_missing_file_is_refused(place: tiny.Place, suffix: str) -> None:
    _, card = extraction.read(place.dataset, place.extractor)
    path(place).with_suffix(suffix).unlink()
    with pytest.raises(StaleFeaturesError):
        features.read(place.dataset, place.extractor, card)


def test_the_features_of_another_setting_of_the_dataset_lie_elsewhere(place: tiny.Place) -> None:
    assert path(tiny.corners(datasets=[{"name": "corners", "bright": 140}])) != path(place)


def test_two_studies_and_two_labels_share_them(place: tiny.Place) -> None:
    other = tiny.corners(study="other", datasets=["corners", {"name": "corners", "label": "again"}], seeds=[7])
    assert list(other.plan.features) == list(place.plan.features)
    assert [layout.features(key) for key in other.plan.features] == [path(place)]


def test_they_are_planned_once_however_many_metrics_read_them(place: tiny.Place) -> None:
    many = tiny.corners(evaluation={"metrics": ["fd", "fd_50", "kd", "precision", "ndb", "is"]})
    assert list(many.plan.features) == list(place.plan.features)


@pytest.mark.usefixtures("place")
def test_each_extractor_has_its_own() -> None:
    metrics = ["fd", {"name": "fd", "extractor": "wide"}]
    both = tiny.corners(extractors=[{"name": "cnn", "label": "wide"}], evaluation={"metrics": metrics})
    assert [measure.extractor for measure in both.dataset.measures.values()] == ["corners-cnn", "corners-wide"]
    assert len(both.plan.features) == 2


@pytest.mark.usefixtures("place")
def test_an_extractor_that_sees_no_differences_is_refused() -> None:
    with pytest.raises(ExtractorError, match="flat sees no difference between the images of 'corners'"):
        tiny.corners({"flat.py": FLAT}, evaluation={"extractor": "flat"}).prepare()


@pytest.mark.usefixtures("place")
def test_real_images_go_through_the_network_once_and_not_again_for_an_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tiny.corners().train()
    real = {data.read(place.dataset, split).samples[0].numpy().tobytes() for split in data.SPLITS}
    described, seen = extraction.describe, []

    def spy(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
        seen.append(images[0].numpy().tobytes())
        return described(network, images)

    monkeypatch.setattr(extraction, "describe", spy)
    place.evaluate()
    assert place.record()["status"] in ("ok", "collapsed")
    assert seen
    assert real.isdisjoint(seen)
