"""What holds for every metric. What they compute is tested in tests/metrics/."""

import math
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import known
import pytest
import torch
from torch import Tensor

from ganbench import bins, plugins
from ganbench.evidence import Evidence, Reference, Training
from ganbench.frechet import moments
from ganbench.neighbours import spacing
from ganbench.streams import stream

REGISTRY = plugins.discover()
QUICK = {"steps": 5, "real": 50}
"""Settings of metrics that train a classifier."""


def images(count: int, seed: int) -> Evidence:
    """Labelled images with features and logits, true images, and second ones."""
    random = stream(seed, "test")

    def normal(dimensions: int) -> Tensor:
        return torch.randn(count, dimensions, generator=random, dtype=torch.float64)

    pixels, truth, again = torch.randint(256, (3, count, 1, 8, 8), generator=random).to(torch.uint8)
    return Evidence(torch.relu(normal(6)), normal(10), pixels, torch.arange(count) % 10, truth=truth, again=again)


def image_reference() -> Reference:
    real, seen = images(160, 1), images(200, 2)
    training = Training(seen, spacing(seen.features), *bins.fit(seen.features, 4, 0))
    weights = torch.full((10,), 0.1, dtype=torch.float64)
    return Reference(real, *moments(real.features), mode_weights=weights, training=training)


def asked(evidence: Evidence) -> Evidence:
    """Points that were asked to be where they are."""
    return replace(evidence, labels=known.RING.nearest(evidence.features)[0])


def worded(of: Any) -> Any:
    """Images, or a training split of them, whose captions are a word: their class."""
    return (
        replace(of, given=of.labels[:, None]) if isinstance(of, Evidence) else replace(of, evidence=worded(of.evidence))
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in REGISTRY.names("metric") for kind in REGISTRY.card("metric", name).traits["kinds"]],
)
def test_every_metric_is_a_repeatable_finite_number_and_says_how_to_read_it(name: str, kind: str) -> None:
    card = REGISTRY.card("metric", name)
    quick = {key: value for key, value in QUICK.items() if key in card.fields}
    metric = plugins.load(card, plugins.resolve(card, quick)[0])
    if kind == "points":
        truth, evidence = known.points(), known.perfect(known.RING, 150)
        if "labels" in card.traits["needs"]:
            truth, evidence = replace(truth, evidence=asked(known.perfect(known.RING, 300))), asked(evidence)
    else:
        truth, evidence = image_reference(), images(150, 3)
        if "captions" in card.traits["needs"]:
            truth, evidence = replace(truth, training=worded(truth.training)), worded(evidence)
    copy = evidence.features.clone()
    value = metric(evidence, truth)
    assert isinstance(value, float)
    assert math.isfinite(value)
    assert metric(evidence, truth) == value
    assert metric(replace(evidence), truth) == value  # without what the first call left behind
    assert torch.equal(evidence.features, copy)
    assert re.fullmatch("[a-z0-9-]+", card.traits["short"])
    for text in ("title", "range", "floor", "citation"):
        assert card.traits[text]
    assert 1 <= card.traits["minimum"] <= len(evidence)
    if hasattr(metric, "perfect"):
        assert math.isfinite(metric.perfect(truth, len(evidence)))


@pytest.mark.parametrize("trait", ["short", "title"])
def test_no_two_metrics_look_the_same(trait: str) -> None:
    seen = Counter(REGISTRY.card("metric", name).traits[trait] for name in REGISTRY.names("metric"))
    assert [value for value, count in seen.items() if count > 1] == []
