"""How a dataset of a study is measured: through which extractors, by which metrics, with how many samples."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ganbench import measures, specs, weights
from ganbench.cards import Card
from ganbench.measures import Measure
from ganbench.plugins import Registry, unknown
from ganbench.problems import Problem
from ganbench.sections import Evaluation, MetricEntry
from ganbench.specs import Spec
from ganbench.study import DatasetEntry, Study
from ganbench.traits import EXTRACTOR_FORMS

SHIPPED = "cnn"
"""The extractor of image data that names none."""

PATH = "weights"
"""The setting of a pretrained extractor that says where its weights lie."""


@dataclass(frozen=True)
class Extractor:
    """A feature extractor as one dataset uses it. `settings` may hold the path of its weights, which is no part of
    its spec: there, the hash that they must have stands for them."""

    label: str
    card: Card
    settings: dict[str, Any]
    spec: Spec

    @property
    def form(self) -> str:
        """`trained` on the dataset, `pretrained` with a file of weights, or `fixed`."""
        (form,) = self.card.methods & EXTRACTOR_FORMS
        return form

    @cached_property
    def key(self) -> str:
        """The name of its folder."""
        return f"{self.label}-{specs.digest(self.spec)[:10]}"


@dataclass(frozen=True)
class Condition:
    """What the samples of a dataset are made for. `spec`: the plugin with all its settings."""

    card: Card
    spec: Spec

    @property
    def makes(self) -> str:
        """`class`, `image` or `text`."""
        return str(self.card.traits["makes"])


@dataclass(frozen=True)
class Dataset:
    """A dataset of the study, with all that its runs share."""

    label: str
    card: Card
    spec: Spec
    evaluation: Evaluation
    measures: dict[str, Measure]
    extractors: dict[str, Extractor]
    condition: Condition | None = None

    @property
    def form(self) -> str | None:
        """What its samples are made for: a `class`, an `image`, `text`, or nothing."""
        return self.condition.makes if self.condition else None

    @property
    def kind(self) -> str:
        """`points` or `images`."""
        return str(self.card.traits["kind"])

    @cached_property
    def key(self) -> str:
        """The name of its folder, unique for its settings."""
        return f"{self.card.name}-{specs.digest(self.spec)[:10]}"

    @property
    def samples(self) -> int:
        """How many samples a run is measured by at most."""
        return max(measure.samples for measure in self.measures.values())

    @property
    def headline(self) -> Measure:
        """The metric that the dataset is read by first, and that its best checkpoints are chosen by."""
        return next(iter(self.measures.values()))

    @property
    def watched(self) -> dict[str, Measure]:
        """The metrics over training, on a smaller sample: the headline, and the modes captured where there are any."""
        chosen = [m for m in self.measures.values() if m is self.headline or m.card.name == "modes-captured"]
        count = self.evaluation.snapshot_samples
        smaller = [Measure(m.card, m.settings, count, m.extractor, "validation") for m in chosen]
        return {measure.name: measure for measure in smaller}

    def features_key(self, extractor: Extractor) -> str:
        """The folder of its real features by an extractor."""
        return f"{self.key}/{extractor.key}"

    def reference_spec(self) -> Spec:
        """All that the reference depends on: data, extractors, metrics, sample counts."""
        return {
            "engine": specs.EVALUATION_ENGINE,
            "dataset": self.spec,
            **({} if self.condition is None else {"condition": self.condition.spec}),
            "extractors": {label: extractor.key for label, extractor in self.extractors.items()},
            "headline": self.headline.name,
            "measures": {name: measure.spec for name, measure in self.measures.items()},
            "watched": {name: measure.spec for name, measure in self.watched.items()},
        }


def datasets(study: Study, registry: Registry) -> tuple[dict[str, Dataset], list[Problem]]:
    """The study's datasets by label, with their metrics and extractors, and what is wrong with them."""
    found: dict[str, Dataset] = {}
    problems: list[Problem] = []
    shared: dict[str, dict[int, str]] = {}  # what the study's own list of metrics has and a dataset leaves out
    for index, entry in enumerate(study.datasets):
        where = {
            key: f"datasets[{index}].evaluation" if key in entry.evaluation.model_fields_set else "evaluation"
            for key in Evaluation.model_fields
        }
        found[entry.label], wrong, left_out = _dataset(study, entry, registry, where)
        problems += wrong
        if where["metrics"] == "evaluation":
            shared[entry.label] = left_out
        else:
            problems += [Problem(f"{where['metrics']}.metrics[{i}]", reason) for i, reason in left_out.items()]
    useless = set.intersection(*map(set, shared.values())) if shared else set()
    for i in sorted(useless):
        reasons = dict.fromkeys(left_out[i] for left_out in shared.values())
        problems.append(Problem(f"evaluation.metrics[{i}]", "; ".join(reasons)))
    for label, left_out in shared.items():
        if not found[label].measures and left_out.keys() - useless:
            problems.append(Problem("evaluation.metrics", f"none applies to '{label}': {'; '.join(left_out.values())}"))
    return found, list(dict.fromkeys(problems))


def _dataset(
    study: Study, entry: DatasetEntry, registry: Registry, where: dict[str, str]
) -> tuple[Dataset, list[Problem], dict[int, str]]:
    """One dataset, what is wrong, and why metrics that the study lists are left out, by their place in the list.
    `where`: which evaluation of the file says what."""
    card = registry.card("dataset", entry.name)
    spec = specs.with_settings(card, entry.settings)
    evaluation = study.evaluation_on(entry)
    condition = _condition(entry, registry)
    available, problems = _extractors(study, card, spec, registry) if card.traits["kind"] == "images" else ({}, [])
    wanted = evaluation.extractor or card.traits.get("extractor", SHIPPED)
    usual = _named(wanted, available, card)
    if available and usual is None:
        problems.append(Problem(f"{where['extractor']}.extractor", unknown("unknown extractor", wanted, available)))
    chosen: dict[str, Measure] = {}
    places: dict[str, int] = {}
    left_out: dict[int, str] = {}
    for i, choice in enumerate(evaluation.metrics or [MetricEntry(name=name) for name in _usual_metrics(registry)]):
        label = _named(choice.extractor, available, card) if choice.extractor else usual
        measure = Measure(
            registry.card("metric", choice.name),
            specs.with_settings(registry.card("metric", choice.name), choice.settings)["settings"],
            choice.samples or evaluation.samples,
            label,
        )
        if choice.extractor and label is None:
            left_out[i] = f"{choice.name}: {unknown('unknown extractor', choice.extractor, available)}"
        elif available and label is None:
            continue  # the study's own extractor is not known, which has been said
        elif reason := _unfit(measure, card, available[label].card if label else None, condition):
            left_out[i] = reason
        elif measure.name in chosen:
            message = f"the same as metrics[{places[measure.name]}]: both are {measure.name}"
            problems.append(Problem(f"{where['metrics']}.metrics[{i}]", message))
        else:
            chosen[measure.name], places[measure.name] = measure, i
    if evaluation.metrics is None:
        left_out = {}
        chosen = dict(sorted(chosen.items(), key=lambda item: item[1].trait("order")))
    used = {measure.extractor for measure in chosen.values()}
    extractors = {label: extractor for label, extractor in available.items() if label in used}
    problems += [p for extractor in extractors.values() for p in _weights_problem(extractor)]
    found = Dataset(entry.label, card, spec, evaluation, chosen, extractors, condition)
    for measure in found.watched.values() if chosen and study.training_on(entry).snapshots else ():
        if measure.samples < measure.trait("minimum"):
            fewest, there = measure.trait("minimum"), measure.samples
            message = f"{measure.card.name}, watched over training, needs {fewest} samples; there are {there}"
            problems.append(Problem(f"{where['snapshot_samples']}.snapshot_samples", message))
    return found, problems, left_out


def _usual_metrics(registry: Registry) -> list[str]:
    """What a study that names no metrics is measured by: not those of packages that happen to be installed."""
    return [name for name in registry.names("metric") if not registry.card("metric", name).package]


def _condition(entry: DatasetEntry, registry: Registry) -> Condition | None:
    """The condition of a dataset's samples."""
    if entry.condition is None:
        return None
    card = registry.card("condition", entry.condition.name)
    return Condition(card, specs.with_settings(card, entry.condition.settings))


def _unfit(measure: Measure, dataset: Card, extractor: Card | None, condition: Condition | None) -> str | None:
    """Why a metric does not apply, or None."""
    reason = measures.misfit(measure.card, dataset, extractor, condition.makes if condition else None)
    minimum = measure.trait("minimum")
    few = measure.samples < minimum
    return reason or (f"{measure.card.name} needs {minimum} samples; there are {measure.samples}" if few else None)


def _extractors(study: Study, card: Card, spec: Spec, registry: Registry) -> tuple[dict[str, Extractor], list[Problem]]:
    """By label, all extractors that this dataset could be seen through. One that is trained on the dataset carries
    the dataset's name: `digits-cnn`."""
    given = {entry.label: (entry.name, entry.settings) for entry in study.extractors}
    plain: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in registry.names("extractor")}
    found: dict[str, Extractor] = {}
    problems = []
    for label, (name, settings) in {**plain, **given}.items():
        plugin = registry.card("extractor", name)
        full = specs.with_settings(plugin, settings)
        identity = {"engine": specs.EVALUATION_ENGINE, **full}
        if "pretrained" in plugin.methods:
            identity["settings"] = {key: value for key, value in full["settings"].items() if key != PATH}
        taught = card.traits.get("words") if "attributes" in plugin.traits["provides"] else card.traits["classes"]
        if "trained" in plugin.methods and not taught:
            continue  # there is nothing that it could learn
        if "trained" in plugin.methods:
            label, identity = f"{card.name}-{label}", {**identity, "dataset": spec}
        if label in found:
            problems.append(Problem("extractors", f"two extractors are called '{label}'; give one another label"))
            continue
        found[label] = Extractor(label, plugin, full["settings"], identity)
    return found, problems


def _named(name: str | None, available: dict[str, Extractor], card: Card) -> str | None:
    """The label that a name stands for on this dataset: `cnn` and `digits-cnn` are the same on digits."""
    return next((label for label in (name, f"{card.name}-{name}") if label in available), None)


def _weights_problem(extractor: Extractor) -> list[Problem]:
    """Weights that are not here and cannot be fetched."""
    if extractor.form != "pretrained":
        return []
    try:
        weights.find(extractor.card, extractor.settings)
    except weights.WeightsError as error:
        return [Problem(f"extractor '{extractor.label}'", str(error))]
    return []
