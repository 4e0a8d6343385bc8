"""How a dataset of a study is measured: through which extractors, by which metrics, with how many samples."""

from dataclasses import dataclass
from typing import Any

from ganbench import measures, specs, weights
from ganbench.measures import Measure
from ganbench.plugins import Card, Registry
from ganbench.problems import Problem
from ganbench.specs import Spec
from ganbench.study import DatasetEntry, Evaluation, MetricEntry, Study

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
        return next(form for form in ("trained", "pretrained", "fixed") if form in self.card.methods)

    @property
    def key(self) -> str:
        """The name of its folder."""
        return f"{self.label}-{specs.digest(self.spec)[:10]}"


@dataclass(frozen=True)
class Dataset:
    """A dataset of the study, with all that its runs share."""

    label: str
    card: Card
    spec: Spec
    evaluation: Evaluation
    measures: dict[str, Measure]
    extractors: dict[str, Extractor]

    @property
    def kind(self) -> str:
        """`points` or `images`."""
        return str(self.card.traits["kind"])

    @property
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
            "extractors": {label: extractor.key for label, extractor in self.extractors.items()},
            "measures": {name: measure.spec for name, measure in self.measures.items()},
            "watched": {name: measure.spec for name, measure in self.watched.items()},
        }


def dataset(study: Study, entry: DatasetEntry, registry: Registry) -> tuple[Dataset, list[Problem]]:
    """A study's dataset with its metrics and extractors, and what is wrong with them."""
    card = registry.card("dataset", entry.name)
    spec = specs.with_settings(card, entry.settings)
    evaluation = study.evaluation_on(entry)
    where = f"evaluation of dataset '{entry.label}'"
    available = {} if card.traits["kind"] == "points" else _extractors(study, card, spec, registry)
    problems: list[Problem] = []
    own = f"{card.name}-{card.traits.get('extractor', SHIPPED)}"
    usual = _named(evaluation.extractor or own, available, card)
    if available and usual is None:
        problems.append(
            Problem(f"{where}: extractor", registry.missing("extractor", str(evaluation.extractor), available))
        )
        usual = own
    chosen: dict[str, Measure] = {}
    reasons: list[str] = []
    explicit = evaluation.metrics is not None
    entries = evaluation.metrics or tuple(MetricEntry(name=name) for name in _usual_metrics(registry))
    for wanted in entries:
        metric = registry.card("metric", wanted.name)
        label = _named(wanted.extractor, available, card) if wanted.extractor else usual
        if wanted.extractor and label is None:
            reasons.append(f"{wanted.name}: {registry.missing('extractor', wanted.extractor, available)}")
            continue
        extractor = available[label].card if label else None
        reason = measures.misfit(metric, card, extractor)
        samples = wanted.samples or evaluation.samples
        if reason is None and samples < metric.traits["minimum"]:
            reason = f"{metric.name} needs {metric.traits['minimum']} samples; there are {samples}"
        if reason is None:
            settings = specs.with_settings(metric, wanted.settings)["settings"]
            measure = Measure(metric, settings, samples, label)
            chosen[measure.name] = measure
        else:
            reasons.append(reason)
    if not chosen:
        problems.append(Problem(f"{where}: metrics", f"none applies: {'; '.join(reasons)}"))
    if not explicit:
        chosen = dict(sorted(chosen.items(), key=lambda item: item[1].trait("order")))
    used = {measure.extractor for measure in chosen.values()}
    extractors = {label: extractor for label, extractor in available.items() if label in used}
    problems += [p for extractor in extractors.values() for p in _weights_problem(extractor)]
    return Dataset(entry.label, card, spec, evaluation, chosen, extractors), problems


def _usual_metrics(registry: Registry) -> list[str]:
    """What a study that names no metrics is measured by: not those of packages that happen to be installed."""
    return [name for name in registry.names("metric") if not registry.card("metric", name).package]


def _extractors(study: Study, card: Card, spec: Spec, registry: Registry) -> dict[str, Extractor]:
    """By label, all extractors that this dataset could be seen through. One that is trained on the dataset carries
    the dataset's name: `digits-cnn`."""
    given = {entry.label: (entry.name, entry.settings) for entry in study.extractors}
    plain: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in registry.names("extractor")}
    found = {}
    for label, (name, settings) in {**plain, **given}.items():
        plugin = registry.card("extractor", name)
        full = specs.with_settings(plugin, settings)
        identity = {**full, "settings": {k: v for k, v in full["settings"].items() if k != PATH}}
        identity["engine"] = specs.EVALUATION_ENGINE
        if "trained" in plugin.methods:
            label, identity = f"{card.name}-{label}", {**identity, "dataset": spec}
        found[label] = Extractor(label, plugin, full["settings"], identity)
    return found


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
