"""The contract of a metric: a number from generated and real samples, better for better samples."""

import functools
import unittest
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ganbench import bins, neighbours
from ganbench.evidence import Evidence, EvidenceError, Reference, Training
from ganbench.mixtures import Mixture
from ganbench.streams import stream
from ganbench.testing.material import demand, seeded

SAMPLES, TRAINING = 300, 1200
CLASSES = 4
CLEAR = 2.0
"""A difference counts from so many times what two good sets of samples differ by."""


@dataclass(frozen=True)
class Scene:
    """Real samples of four modes or classes; two sets of samples of the same distribution; sets with a fault each."""

    reference: Reference
    good: tuple[Evidence, Evidence]
    faulty: dict[str, Evidence]


def finite_number(metric: Any) -> None:
    """Samples of the true distribution have a finite value, a float."""
    for kind in metric.kinds:
        value = metric(scene(kind).good[0], scene(kind).reference)
        demand(isinstance(value, float), f"the value is a {type(value).__name__}; it should be a float")
        demand(bool(torch.tensor(value).isfinite()), f"good samples of {kind} score {value}")


def few_samples(metric: Any) -> None:
    """One sample, and as many as `minimum` says, have a value or raise EvidenceError; nothing else."""
    for kind in metric.kinds:
        for count in (1, metric.minimum):
            try:
                _value(metric, scene(kind).good[0].first(count), kind)
            except Exception as error:
                demand(False, f"{count} samples of {kind} raise {type(error).__name__}: {error}; raise EvidenceError")


def permutation(metric: Any) -> None:
    """The order of the samples does not matter, or less than the draw of the samples does."""
    for kind in metric.kinds:
        first, second = (metric(good, scene(kind).reference) for good in scene(kind).good)
        turned = metric(_part(scene(kind).good[0], _order()), scene(kind).reference)
        noise = _value(metric, scene(kind).faulty["noise"], kind)
        allowed = abs(first - second) + 0.01 * abs(first - (first if noise is None else noise)) + 1e-6 * abs(first)
        demand(
            abs(turned - first) <= allowed, f"samples of {kind} score {first:.6g}, and {turned:.6g} in another order"
        )


def determinism(metric: Any) -> None:
    """Same samples, same value, whatever was drawn before."""
    for kind in metric.kinds:
        values = []
        for seed in (0, 1):
            fresh = _part(scene(kind).good[0], torch.arange(SAMPLES))  # nothing remembered from the last time
            with seeded(seed):
                values.append(metric(fresh, scene(kind).reference))
        demand(values[0] == values[1], f"the same samples of {kind} score {values[0]}, then {values[1]}")


def inputs_unchanged(metric: Any) -> None:
    """Generated and real samples are the same afterwards."""
    for kind in metric.kinds:
        scene.cache_clear()  # samples that no check has touched
        fake, reference = scene(kind).good[0], scene(kind).reference
        held = [fake.features, fake.logits, fake.images, fake.truth, fake.again]
        held += [reference.features, reference.mean, reference.covariance]
        tensors = [tensor for tensor in held if tensor is not None]
        before = [tensor.clone() for tensor in tensors]
        metric(fake, reference)
        same = all(torch.equal(old, new) for old, new in zip(before, tensors, strict=True))
        scene.cache_clear()
        demand(same, f"samples of {kind} are changed in place")


def direction(metric: Any) -> None:
    """Good samples score clearly better than faulty ones of one sort at least, in the stated direction."""
    if metric.direction == "none":
        raise unittest.SkipTest("its direction is 'none'")
    sign = 1 if metric.direction == "higher" else -1
    for kind in metric.kinds:
        good = [metric(samples, scene(kind).reference) for samples in scene(kind).good]
        limit = min(sign * value for value in good) - CLEAR * abs(good[0] - good[1]) - 1e-9
        faulty = {name: _value(metric, samples, kind) for name, samples in scene(kind).faulty.items()}
        scores = {name: value for name, value in faulty.items() if value is not None}
        demand(
            any(sign * value < limit for value in scores.values()),
            f"`direction` is '{metric.direction}', but good {kind} score {good[0]:.4g} and {good[1]:.4g}, and "
            + ", ".join(f"{name} {value:.4g}" for name, value in scores.items()),
        )


def perfect(metric: Any) -> None:
    """`perfect`, where there is one, is a finite float."""
    for kind in metric.kinds if hasattr(metric, "perfect") else ():
        value = metric.perfect(scene(kind).reference, SAMPLES)
        demand(
            isinstance(value, float) and bool(torch.tensor(value).isfinite()),
            f"perfect() of {kind} is {value!r}; it should be a finite float",
        )


CHECKS = (finite_number, few_samples, permutation, determinism, inputs_unchanged, direction, perfect)


@functools.cache
def scene(kind: str) -> Scene:
    """Real and generated samples of one kind, the same every time."""
    return _points() if kind == "points" else _images()


def _value(metric: Any, samples: Evidence, kind: str) -> float | None:
    """The value of a set of samples; None if it cannot be measured."""
    try:
        value: float = metric(samples, scene(kind).reference)
    except EvidenceError:
        return None
    return value


def _order() -> Tensor:
    return torch.randperm(SAMPLES, generator=stream(0, "testing order"))


def _points() -> Scene:
    centres = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    mixture = Mixture(centres, 0.05)

    def draw(count: int, role: str, of: Mixture = mixture) -> Evidence:
        points, modes, _ = of.labelled(count, stream(0, f"testing {role}"))
        return Evidence(points.double(), labels=modes)

    train = draw(TRAINING, "train")
    faulty = {
        "one mode": draw(SAMPLES, "one mode", Mixture(centres[:1], 0.05)),
        "noise": draw(SAMPLES, "noise", Mixture(torch.zeros(1, 2), 2.0)),
        "copies": _part(train, torch.arange(SAMPLES) % 10),
        "wrong labels": replace(right := draw(SAMPLES, "wrong labels"), labels=(right.asked() + 1) % len(centres)),
    }
    reference = Reference(
        draw(SAMPLES, "real"), mixture.mean(), mixture.covariance(), mixture, mixture.weights, training=_training(train)
    )
    return Scene(reference, (draw(SAMPLES, "good"), draw(SAMPLES, "as good")), faulty)


def _images() -> Scene:
    """8x8 pixels; of class k, one quarter is bright. Features are the means of 2x2 pixels, logits those of quarters.
    Sample i is made for class i mod 4, or for an image of it."""

    def draw(count: int, role: str, classes: int = CLASSES) -> Evidence:
        random = stream(0, f"testing images {role}")
        labels = torch.arange(count) % classes
        return _seen(labels, labels, random)

    def _seen(shown: Tensor, said: Tensor, random: torch.Generator) -> Evidence:
        return _evidence(_shown(shown, random), said, _shown(shown, random))

    wrong = torch.arange(SAMPLES) % CLASSES
    random = stream(0, "testing images noise")
    train, real = draw(TRAINING, "train"), draw(SAMPLES, "real")
    faulty = {
        "one class": draw(SAMPLES, "one class", 1),
        "noise": _evidence(255 * torch.rand(SAMPLES, 1, 8, 8, generator=random).double(), wrong),
        "copies": _part(train, torch.arange(SAMPLES) % 10),
        "wrong labels": _seen((wrong + 1) % CLASSES, wrong, random),
    }
    reference = Reference(
        real,
        real.features.mean(0),
        real.features.T.cov(),
        mode_weights=torch.full((CLASSES,), 1 / CLASSES, dtype=torch.float64),
        training=_training(train),
    )
    return Scene(reference, (draw(SAMPLES, "good"), draw(SAMPLES, "as good")), faulty)


def _shown(classes: Tensor, random: torch.Generator) -> Tensor:
    """Images (n, 1, 8, 8) of these classes (n,), as float64 grey levels."""
    count = len(classes)
    bright = torch.nn.functional.one_hot(classes, CLASSES).view(count, 1, 2, 2).double()
    light = 50 + 120 * bright.repeat_interleave(4, 2).repeat_interleave(4, 3)
    return light + 25 * torch.randn(count, 1, 8, 8, generator=random).double()


def _evidence(light: Tensor, labels: Tensor, second: Tensor | None = None) -> Evidence:
    images = _bytes(light)
    pooled = torch.nn.functional.avg_pool2d(images.double() / 255, 2).flatten(1)
    quarters = torch.nn.functional.avg_pool2d(images.double() / 10, 4).flatten(1)
    truth = _bytes(_shown(torch.arange(len(light)) % CLASSES, stream(0, "testing images truth")))
    again = _bytes(light if second is None else second)
    given = labels[:, None]  # a class is a caption of a word too
    return Evidence(pooled, quarters, images, labels, given, truth, again)


def _bytes(light: Tensor) -> Tensor:
    return light.round().clamp(0, 255).to(torch.uint8)


def _training(evidence: Evidence) -> Training:
    centres, counts = bins.fit(evidence.features, bins.number(len(evidence)), seed=0)
    return Training(evidence, neighbours.spacing(evidence.features), centres, counts)


def _part(evidence: Evidence, order: Tensor) -> Evidence:
    names = ("logits", "images", "labels", "given", "truth", "again")
    held = {name: getattr(evidence, name) for name in names}
    others = {name: part[order] for name, part in held.items() if part is not None}
    return Evidence(evidence.features[order], **others)
