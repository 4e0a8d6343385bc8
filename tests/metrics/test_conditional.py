"""Metrics of class-conditional generators."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from features import measured, normal
from torch import Tensor
from torch.nn.functional import one_hot

from ganbench import classifier, downstream
from ganbench.evidence import Evidence, EvidenceError, Reference, Training
from ganbench.metrics.augmentation_gain import Metric as AugmentationGain
from ganbench.metrics.class_coverage import Metric as ClassCoverage
from ganbench.metrics.class_frechet_distance import Metric as ClassFrechetDistance
from ganbench.metrics.classification_accuracy_score import Metric as ClassificationAccuracyScore
from ganbench.metrics.coverage import Metric as Coverage
from ganbench.metrics.frechet_distance import Metric as FrechetDistance
from ganbench.metrics.label_accuracy import Metric as LabelAccuracy
from ganbench.mixtures import Mixture
from ganbench.streams import stream

STEPS = 30
METRICS = (
    ClassificationAccuracyScore(STEPS),
    AugmentationGain(real=20, steps=STEPS),
    LabelAccuracy(),
    ClassFrechetDistance(),
    ClassCoverage(),
)


def bars(count: int, seed: int, noise: int = 60) -> tuple[Tensor, Tensor]:
    """Images of 8 x 8 with a bright left, middle or right, and which one: easy to learn."""
    random = stream(seed, "bars")
    labels = torch.randint(3, (count,), generator=random)
    images = torch.randint(0, noise, (count, 1, 8, 8), generator=random)
    for label in range(3):
        images[labels == label, :, :, 2 * label + 1 : 2 * label + 3] += 255 - noise
    return images.to(torch.uint8), labels


def evidence(images: Tensor, labels: Tensor) -> Evidence:
    """With features that are a few pixels, and logits that are always right about the images."""
    features = images[:, 0, :2, 1:7].flatten(1).double()
    brightness = images[:, 0, :, 1:7].double().mean(1).unflatten(1, (3, 2)).mean(2)
    return Evidence(features, brightness, images, labels)


def reference(count: int = 150, training: int = 100) -> Reference:
    real, seen = evidence(*bars(count, 1)), evidence(*bars(training, 2))
    split = Training(seen, torch.zeros(training), torch.zeros(1, 12), torch.ones(1))
    return replace(measured(real.features), evidence=real, training=split)


def test_classification_accuracy_score_of_good_and_of_wrong_labels() -> None:
    images, labels = bars(120, 3)
    score = ClassificationAccuracyScore(STEPS)
    assert score(evidence(images, labels), reference()) > 95
    assert score(evidence(images, (labels + 1) % 3), reference()) < 5
    assert score(evidence(images, torch.zeros_like(labels)), reference()) == pytest.approx(
        100 * float((reference().evidence.labelled()[1] == 0).double().mean())
    )


def test_classification_accuracy_score_misses_what_the_generator_never_makes() -> None:
    images, labels = bars(200, 3)
    kept = labels != 2
    found = ClassificationAccuracyScore(STEPS)(evidence(images[kept], labels[kept]), reference())
    assert found == pytest.approx(100 * float((reference().evidence.labelled()[1] != 2).double().mean()), abs=1)


def test_training_on_generated_and_testing_on_real_is_not_the_other_way_round() -> None:
    """A generator whose images are noise, but which says so: a real classifier could not tell them apart either."""
    images, labels = bars(120, 3)
    noise = torch.randint(0, 255, images.shape, generator=stream(0, "noise")).to(torch.uint8)
    mixed = evidence(torch.cat([images, noise]), torch.cat([labels, labels]))
    assert ClassificationAccuracyScore(100)(mixed, reference()) > 90
    real_images, real_labels = reference().evidence.labelled()
    swapped = classifier.trained(real_images, real_labels, 3, 10)
    assert 100 * classifier.accuracy(swapped, *mixed.labelled()) < 80


def test_the_number_of_steps_does_not_depend_on_the_number_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def trained(images: Tensor, labels: Tensor, classes: int, epochs: int) -> classifier.Classifier:
        assert len(images) == len(labels)
        asked.append((len(images), classes, epochs))
        return classifier.Classifier((1, 8, 8), classes)

    monkeypatch.setattr(classifier, "trained", trained)
    for count in (50, 100, 150):
        downstream.accuracy(*bars(count, 3), reference(), 12)
    assert asked == [(50, 3, 12), (100, 3, 6), (150, 3, 4)]


def test_augmentation_gain_is_the_difference_of_two_accuracies() -> None:
    truth, fake = reference(), evidence(*bars(100, 3))
    small = tuple(part[:20] for part in truth.labelled_training())
    both = tuple(torch.cat([a, b]) for a, b in zip(small, fake.labelled(), strict=True))
    expected = downstream.accuracy(*both, truth, STEPS) - downstream.accuracy(*small, truth, STEPS)
    assert AugmentationGain(real=20, steps=STEPS)(fake, truth) == pytest.approx(expected, abs=1e-12)


def test_augmentation_gain_has_a_sign() -> None:
    """Few steps from few real images are not enough; good images help, wrongly labelled ones harm."""
    images, labels = bars(400, 3)
    truth, gain = reference(), AugmentationGain(real=6, steps=STEPS)
    helped, harmed = gain(evidence(images, labels), truth), gain(evidence(images, (labels + 1) % 3), truth)
    assert harmed < -20 < 0 <= helped


def test_rare_classes_are_thinned_out_and_filled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 images, of the last class 4 are kept; as many generated ones of it are added as make it as frequent as the
    others are on average."""
    truth, fake = reference(), evidence(*bars(200, 3))
    labels = truth.labelled_training()[1][:60]
    few = torch.cat([labels[labels < 2], labels.new_full((4,), 2)])
    wanted = int((labels < 2).sum()) // 2 - 4
    seen: list[tuple[Tensor, Tensor]] = []

    def accuracy(images: Tensor, labels: Tensor, *_: Any) -> float:
        seen.append((images, labels))
        return 50.0

    monkeypatch.setattr("ganbench.metrics.augmentation_gain.accuracy", accuracy)
    assert AugmentationGain(real=60, steps=STEPS, rare=1, kept=4)(fake, truth) == 0
    (_, alone), (both_images, both) = seen
    assert sorted(alone.tolist()) == sorted(few.tolist())
    assert both.bincount().tolist() == [*alone.bincount().tolist()[:2], 4 + wanted]
    assert torch.equal(both[len(alone) :], torch.full((wanted,), 2))
    generated, asked = fake.labelled()
    assert torch.equal(both_images[len(alone) :], generated[asked == 2][:wanted])


def test_generated_images_help_a_rare_class() -> None:
    gain = AugmentationGain(real=60, steps=STEPS, rare=1, kept=1)
    assert gain(evidence(*bars(400, 3)), reference()) > 20


def test_not_all_classes_can_be_rare() -> None:
    with pytest.raises(EvidenceError, match="one must be frequent"):
        AugmentationGain(real=60, steps=STEPS, rare=3)(evidence(*bars(20, 3)), reference())


def test_class_coverage_is_the_mean_over_classes_and_sees_what_label_accuracy_does_not() -> None:
    labels = torch.arange(3).repeat_interleave(30)
    fake, real = normal(90, 4, seed=1), normal(90, 4, seed=2)
    truth = replace(measured(real), evidence=labelled(real, labels))
    single = [Coverage()(Evidence(fake[labels == c]), measured(real[labels == c])) for c in range(3)]
    assert ClassCoverage()(labelled(fake, labels), truth) == pytest.approx(sum(single) / 3, rel=1e-12)
    same = real[labels.unique().repeat_interleave(30) * 30]  # one perfect sample of each class, again and again
    assert ClassCoverage()(labelled(same, labels), truth) < 0.5
    assert LabelAccuracy()(labelled(same, labels), truth) == 100


def test_class_coverage_of_classes_that_are_not_there() -> None:
    truth = replace(measured(normal(40, 4)), evidence=labelled(normal(40, 4), torch.arange(40) % 2))
    with pytest.raises(EvidenceError, match=r"classes \[2\]"):
        ClassCoverage()(labelled(normal(40, 4), torch.arange(40) % 3), truth)
    with pytest.raises(EvidenceError, match="at least 6 generated samples of class 1, and there are 0"):
        ClassCoverage()(labelled(normal(40, 4), torch.zeros(40, dtype=torch.int64)), truth)


def test_points_are_of_the_class_of_their_nearest_mode() -> None:
    mixture = Mixture(torch.tensor([[0.0, 0.0], [4.0, 0.0]]), 0.1)
    real = replace(measured(normal(20, 2)), mixture=mixture)
    points = torch.tensor([[0.1, 0.0], [1.9, 0.0], [2.1, 0.0], [9.0, 0.0]] * 5, dtype=torch.float64)
    asked = torch.tensor([0, 0, 0, 1] * 5)
    assert LabelAccuracy()(Evidence(points, labels=asked), real) == 75


def test_augmentation_gain_needs_the_real_images_that_it_was_asked_for() -> None:
    with pytest.raises(EvidenceError, match="1000 training samples, and there are 100"):
        AugmentationGain()(evidence(*bars(20, 3)), reference())


def test_label_accuracy_by_hand() -> None:
    images, labels = bars(40, 3)
    asked = labels.clone()
    asked[:10] = (asked[:10] + 1) % 3
    assert LabelAccuracy()(evidence(images, labels), reference()) == 100
    assert LabelAccuracy()(evidence(images, asked), reference()) == 75
    assert LabelAccuracy()(evidence(images, (labels + 1) % 3), reference()) == 0


def labelled(features: Tensor, labels: Tensor) -> Evidence:
    images = torch.zeros(len(features), 1, 8, 8, dtype=torch.uint8)
    return Evidence(features, one_hot(labels, 3).double(), images, labels)


def test_class_frechet_distance_is_the_mean_over_classes() -> None:
    labels = torch.arange(3).repeat_interleave(torch.tensor([20, 30, 40]))
    fake, real = normal(90, 4, seed=1), 1.5 * normal(90, 4, seed=2)
    truth = replace(measured(real), evidence=labelled(real, labels))
    single = [FrechetDistance()(Evidence(fake[labels == c]), measured(real[labels == c])) for c in range(3)]
    found = ClassFrechetDistance()(labelled(fake, labels), truth)
    assert found == pytest.approx(sum(single) / 3, rel=1e-12)
    weighted = (20 * single[0] + 30 * single[1] + 40 * single[2]) / 90
    assert found != pytest.approx(weighted, rel=1e-3)


def test_class_frechet_distance_sees_exchanged_classes_where_the_whole_does_not() -> None:
    labels = torch.arange(3).repeat_interleave(20)
    features = normal(60, 2, seed=1) + 10 * one_hot(labels, 3)[:, :2].double()
    truth = replace(measured(features), evidence=labelled(features, labels))
    exchanged = labelled(features, (labels + 1) % 3)
    assert FrechetDistance()(exchanged, truth) == pytest.approx(0, abs=1e-9)
    assert ClassFrechetDistance()(labelled(features, labels), truth) == pytest.approx(0, abs=1e-9)
    assert ClassFrechetDistance()(exchanged, truth) > 50


@pytest.mark.parametrize("side", ["generated", "real"])
def test_class_frechet_distance_with_a_class_of_few_samples(side: str) -> None:
    enough, few = (torch.arange(2).repeat_interleave(torch.tensor(counts)) for counts in ([20, 10], [21, 9]))
    asked, true = (few, enough) if side == "generated" else (enough, few)
    features = normal(30, 2)
    with pytest.raises(EvidenceError, match=f"10 {side} samples of class 1, and there are 9"):
        ClassFrechetDistance()(
            labelled(features, asked), replace(measured(features), evidence=labelled(features, true))
        )


def test_class_frechet_distance_with_a_class_that_real_data_lacks() -> None:
    features, labels = normal(30, 2), torch.arange(3).repeat_interleave(10)
    truth = replace(measured(features[:20]), evidence=labelled(features[:20], labels[:20]))
    with pytest.raises(EvidenceError, match=r"classes \[2\]"):
        ClassFrechetDistance()(labelled(features, labels), truth)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.short)
def test_needs_labels_and_samples_and_repeats_without_a_trace(metric: LabelAccuracy) -> None:
    truth, fake = reference(), evidence(*bars(60, 3))
    without = replace(fake, labels=None)
    with pytest.raises(EvidenceError, match="labels"):
        metric(without, truth)
    with pytest.raises(EvidenceError, match="needs at least"):
        metric(fake.first(9), truth)
    state = torch.get_rng_state()
    found = metric(fake, truth)
    assert math.isfinite(found)
    assert metric(evidence(*bars(60, 3)), reference()) == found
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("metric", METRICS[:2], ids=lambda metric: metric.short)
def test_a_reference_without_labels(metric: LabelAccuracy) -> None:
    truth = reference()
    blind = replace(truth, evidence=replace(truth.evidence, labels=None))
    with pytest.raises(EvidenceError, match="no labels"):
        metric(evidence(*bars(60, 3)), blind)
