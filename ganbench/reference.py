"""The reference of a dataset: what its runs are compared with, and what real data scores against it."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ganbench import data, extraction, features, files, given, layout, plugins
from ganbench.evidence import Evidence, Reference, TooFewError, Training
from ganbench.given import Given
from ganbench.measures import Measure
from ganbench.mixtures import Mixture
from ganbench.protocol import Dataset
from ganbench.runs import Plan
from ganbench.streams import stream

COVERED = 0.1
"""A mode is covered from this share of its true count; a dataset may say otherwise."""

SHUFFLED = "real, shuffled"
"""Real samples with the conditions of others."""

References = dict[str | None, Reference]
Seen = dict[str | None, Evidence]
"""By the label of the extractor; None for points, which are their own features."""


class StaleReferenceError(Exception):
    """A reference that is missing or that is of another evaluation."""


@dataclass(frozen=True)
class Instruments:
    """All that measuring the runs of one dataset needs, loaded once. `references` by split: final numbers are compared
    with `test`, generators during training with `validation`, so that a best checkpoint is not chosen by the data that
    it is judged by."""

    dataset: Dataset
    networks: dict[str, nn.Module]
    references: dict[str, References]
    plugins: dict[str, Any]
    protocol: dict[str, Any]
    given: dict[str, Given] = field(default_factory=dict)
    """By split, what samples are made for, where they are made for anything: `test` for final numbers."""

    def see(
        self, samples: Tensor, measures: Iterable[Measure], asked: Given | None = None, again: Tensor | None = None
    ) -> Seen:
        """Samples as some metrics see them: points (n, d) as they are, uint8 images through each extractor once.
        `asked`: what they were made for, as many conditions as samples; `again`: other samples for the first of
        them."""
        seen: Seen = {}
        for label in dict.fromkeys(measure.extractor for measure in measures):
            if label is None:
                alone = Evidence(samples.double())
            else:
                found, logits = extraction.describe(self.networks[label], samples)
                alone = Evidence(found, logits, samples)
            seen[label] = _told(alone, asked, again)
        return seen

    def measure(self, seen: Seen, measures: Iterable[Measure]) -> dict[str, float | None]:
        """Metrics of the first samples, as many as each wants, or all if there are fewer; None where not defined, and
        where these are too few for so many features: planning cannot know."""
        parts: dict[tuple[str | None, int], Evidence] = {}
        values: dict[str, float | None] = {}
        for measure in measures:
            all_seen = seen[measure.extractor]
            count = min(measure.samples, len(all_seen))
            evidence = parts.setdefault((measure.extractor, count), all_seen.first(count))
            real = self.references[measure.split][measure.extractor]
            try:
                value = self.plugins[measure.stem](evidence, real)
            except TooFewError:
                value = math.nan
            values[measure.name] = value if math.isfinite(value) else None
        return values


def read(plan: Plan, dataset: Dataset, device: torch.device) -> Instruments:
    """The instruments of a dataset whose reference is made. Raises StaleReferenceError."""
    path = layout.reference(plan.study.study, dataset.label)
    record = files.read_json(path)
    if record is None or record.get("digest") != plan.reference_digest(dataset.label):
        raise StaleReferenceError(f"{path}: not the reference of this evaluation; `snakemake` makes it")
    instruments = _assemble(dataset, device)
    if record.get("protocol") != instruments.protocol:
        raise StaleReferenceError(f"{path}: the protocol there is another; remove it and run again")
    return instruments


def _told(evidence: Evidence, asked: Given | None, again: Tensor | None = None) -> Evidence:
    """Samples together with what they were made for."""
    if asked is None:
        return evidence
    labels = asked.values if asked.form.kind == "class" else None
    return replace(evidence, labels=labels, given=asked.values, truth=asked.truth, again=again)


def _assemble(dataset: Dataset, device: torch.device) -> Instruments:
    conditions = {split: of for split in data.SPLITS if (of := given.read(dataset, split))}
    loaded = {label: extraction.read(dataset, extractor) for label, extractor in dataset.extractors.items()}
    mixture = _mixture(dataset)
    references: dict[str, References] = {"test": {}, "validation": {}}
    if dataset.kind == "points":
        for split, found in references.items():
            found[None] = _of_points(dataset, split, mixture, conditions.get(split))
    for label, extractor in dataset.extractors.items():
        tensors = features.read(dataset, extractor, loaded[label][1])
        training = features.training(tensors)
        if conditions:
            training = replace(training, evidence=_labelled(training.evidence, conditions["train"]))
        for split, found in references.items():
            seen = features.evidence(tensors, split)
            if conditions:
                seen = _labelled(seen, conditions[split])
            found[label] = _of_images(dataset, seen, training, "modes" in extractor.card.traits["provides"])
    return Instruments(
        dataset,
        {label: network.to(device) for label, (network, _) in loaded.items()},
        references,
        {m.stem: plugins.load(m.card, m.settings) for m in dataset.measures.values()},
        _protocol(dataset, mixture, {label: card for label, (_, card) in loaded.items()}),
        conditions,
    )


def _labelled(evidence: Evidence, asked: Given) -> Evidence:
    """Real samples of a split, or the first of them, with their images and what they stand for."""
    asked = asked.first(len(evidence))
    return _told(replace(evidence, images=asked.truth), asked)


def _of_points(dataset: Dataset, split: str, mixture: Mixture | None, asked: Given | None) -> Reference:
    """Points against a split, and against the exact moments and modes where the distribution is known."""
    evidence = _told(Evidence(data.read(dataset, split).samples.double()), asked)
    if mixture is None:
        return Reference(evidence, evidence.features.mean(0), evidence.features.T.cov())
    covered = dataset.card.traits.get("covered_share", COVERED)
    return Reference(evidence, mixture.mean(), mixture.covariance(), mixture, mixture.weights, covered)


def _of_images(dataset: Dataset, evidence: Evidence, training: Training, modes: bool) -> Reference:
    """Images against a split, seen through an extractor; where classes are modes, all have the same weight."""
    weights = None
    if modes:
        classes = evidence.class_logits().shape[1]
        weights = torch.full((classes,), 1 / classes, dtype=torch.float64)
    return Reference(
        evidence,
        evidence.features.mean(0),
        evidence.features.T.cov(),
        mode_weights=weights,
        covered_share=dataset.card.traits.get("covered_share", COVERED),
        training=training,
    )


def make(plan: Plan, dataset: Dataset, device: torch.device) -> None:
    """Measure real data, and state the protocol."""
    cpu_start = time.process_time()
    instruments = _assemble(dataset, device)
    mixture = _mixture(dataset)
    real, asked = _fresh(dataset, mixture, instruments)
    measures = dataset.measures.values()
    files.write_json(
        layout.reference(plan.study.study, dataset.label),
        {
            "dataset": dataset.spec,
            "digest": plan.reference_digest(dataset.label),
            "protocol": instruments.protocol,
            "real": instruments.measure(instruments.see(real, measures, asked), measures),
            **_baseline(instruments),
            "perfect": {m.name: _perfect(instruments, m) for m in measures},
            "cpu_seconds": time.process_time() - cpu_start,
            "modes": None if mixture is None else {"centres": mixture.centres.tolist(), "sigma": mixture.sigma},
        },
    )


def _perfect(instruments: Instruments, measure: Measure) -> float | None:
    """What a perfect generator is expected to score, where theory knows."""
    plugin = instruments.plugins[measure.stem]
    if not hasattr(plugin, "perfect"):
        return None
    expected = float(plugin.perfect(instruments.references[measure.split][measure.extractor], measure.samples))
    return expected if math.isfinite(expected) else None


def _protocol(dataset: Dataset, mixture: Mixture | None, cards: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What must be known to compare a number with another."""
    count = min(dataset.samples, data.count(dataset, "validation"))
    said = ("form", "weights_sha256", "test_accuracy", "test_accuracies", "accuracy_gate", "features", "dead_features")
    return {
        "measures": {name: measure.spec for name, measure in dataset.measures.items()},
        "watched": {name: measure.spec for name, measure in dataset.watched.items()},
        "reference": "exact modes and moments of the mixture" if mixture else "test split",
        "reference_samples": data.count(dataset, "test"),
        "training_samples": min(features.TRAINING, data.count(dataset, "train")),
        "real_row": "fresh samples of the mixture" if mixture else "validation split",
        "real_samples": dataset.samples if mixture else count,
        "extractors": {label: {key: card[key] for key in said if key in card} for label, card in cards.items()},
        "batch_normalisation": "running statistics",
    }


def _fresh(dataset: Dataset, mixture: Mixture | None, instruments: Instruments) -> tuple[Tensor, Given | None]:
    """Real samples that neither the reference nor an extractor has seen, as many as a run makes, if there are; and what
    they would have been made for."""
    known = instruments.given.get("validation")
    if mixture is not None:
        points, modes, _ = mixture.labelled(dataset.samples, stream(0, "real row"))
        return points, None if known is None or modes is None else Given(known.form, modes, points)
    samples = data.read(dataset, "validation").samples[: dataset.samples]
    return samples, known.first(len(samples)) if known else None


def _baseline(instruments: Instruments) -> dict[str, Any]:
    """What is worth nothing yet, or needs no learning, where samples have conditions: what the condition itself offers,
    or else real samples of which none is for its condition."""
    dataset = instruments.dataset
    if dataset.condition is None:
        return {}
    measures = dataset.measures.values()
    plugin = plugins.load(dataset.condition.card, dataset.condition.spec["settings"])
    if hasattr(plugin, "trivial"):
        asked = instruments.given["test"].first(dataset.samples)
        name, samples = plugin.baseline, plugin.trivial(asked.values, data.read(dataset, "train"))
    else:
        asked = instruments.given["validation"]
        name, samples = SHUFFLED, asked.strangers()
    return {
        "baseline": {"name": name, "metrics": instruments.measure(instruments.see(samples, measures, asked), measures)}
    }


def _mixture(dataset: Dataset) -> Mixture | None:
    if "mixture" not in dataset.card.methods:
        return None
    mixture: Mixture = plugins.load(dataset.card, dataset.spec["settings"]).mixture()
    return mixture
