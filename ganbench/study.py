"""The study file: what is crossed, how it is trained and evaluated. Validated as a whole, before anything runs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field as Key
from pydantic import NonNegativeInt, PositiveInt, ValidationError

from ganbench import cards, checks, entries, measures, method, misnomers, paper, plugins, yamlfile
from ganbench.method import OPTIMIZER_KINDS, Adam, Method, Optimizer, Part, Strict
from ganbench.paper import Budget, Labels, Paper
from ganbench.plugins import Registry
from ganbench.problems import Problem, StudyError, readable
from ganbench.sections import (
    COUNT_OF,
    LIST_OF,
    NULL_MEANS_ALL,
    Evaluation,
    EvaluationChanges,
    Training,
    TrainingChanges,
)
from ganbench.tuning import Pruning, Tuning, TuningChanges

Label = Annotated[str, Key(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=64)]


class Entry(Strict):
    """A plugin named in a study: `name`, an optional `label`, and the plugin's own settings, inline in the file."""

    name: str
    """The plugin, or the recipe."""
    label: Label
    """What folders and tables call it; without it, its name."""
    settings: dict[str, Any] = Key(default_factory=dict)
    """The plugin's own settings, written beside these keys."""


class DatasetEntry(Entry):
    """A dataset, with what differs from the rest of the study on it."""

    architectures: Annotated[tuple[Entry, ...], Key(min_length=1)] | None = None
    """Instead of the study's, on this dataset."""
    condition: Part | None = None
    """What its samples are made for: a condition by name, or as a mapping with its settings."""
    training: TrainingChanges = TrainingChanges()
    """What differs from the study's training on this dataset."""
    evaluation: EvaluationChanges = EvaluationChanges()
    """What differs from the study's evaluation on this dataset."""
    tuning: TuningChanges = TuningChanges()
    """What differs from the study's tuning on this dataset."""


AnEntry = TypeVar("AnEntry", bound=Entry)
ATraining = TypeVar("ATraining", Training, TrainingChanges, Tuning, TuningChanges)


class Study(Strict):
    """A validated study."""

    study: Label
    """The name of its folders under results/ and reports/."""
    description: str = ""
    """What the page says under its title."""
    plugins: tuple[str, ...] = ()
    """Plugin files, relative to the study: `.py`, or a recipe's `.yaml`."""
    datasets: Annotated[tuple[DatasetEntry, ...], Key(min_length=1)]
    """What to train on."""
    architectures: Annotated[tuple[Entry, ...], Key(min_length=1)]
    """What to train."""
    methods: Annotated[tuple[Entry, ...], Key(min_length=1)]
    """How to train; each may differ from the recipe that it names."""
    seeds: Annotated[tuple[NonNegativeInt, ...], Key(min_length=1)]
    """One run of each cell for each seed."""
    training: Training
    """The budget."""
    evaluation: Evaluation = Evaluation()
    """How trained generators are measured."""
    extractors: tuple[Entry, ...] = ()
    """Feature extractors with a label or settings of one's own."""
    shared_optimizer: Optimizer | None = None
    """An optimizer that all methods are also trained with."""
    tuning: Tuning | None = None
    """How the methods are tuned."""
    settings: Annotated[tuple[Literal["own", "shared", "tuned"], ...], Key(min_length=1)] | None = None
    """Whether methods run with their own settings, with the shared optimizer, with tuned settings, or side by side; all
    that there are, if not said."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train and measure; `auto` is a GPU if there is one."""
    cuda_graphs: bool = True
    """Whether a GPU may repeat a recorded step, where that does the same; of no interest to results."""
    jobs_per_gpu: PositiveInt = 1
    """Processes that may share a GPU."""
    threads: PositiveInt = 1
    """CPU threads of each process."""
    data: str | None = None
    """The folder of downloaded datasets; without it, GANBENCH_DATA, or ./data."""
    paper: Paper | None = None
    """A published table that the study reproduces."""

    def training_on(self, dataset: DatasetEntry) -> Training:
        """The budget on one dataset: its own keys over the study's. A step count of either kind replaces both."""
        changes = dataset.training.model_dump(exclude_none=True)
        if changes.keys() & {"generator_steps", "discriminator_steps"}:
            changes = {"generator_steps": None, "discriminator_steps": None, **changes}
        return self.training.model_copy(update=changes)

    def evaluation_on(self, dataset: DatasetEntry) -> Evaluation:
        """The evaluation on one dataset: its own keys over the study's."""
        own = dataset.evaluation
        changes = {key: getattr(own, key) for key in own.model_fields_set}
        kept = {key: value for key, value in changes.items() if value is not None or key in NULL_MEANS_ALL}
        return self.evaluation.model_copy(update=kept)

    @property
    def labels(self) -> Labels:
        """The labels of datasets, architectures and methods, as runs carry them."""
        own = [entry.label for dataset in self.datasets for entry in dataset.architectures or ()]
        suffixes = ["" if which == "own" else f"-{which}" for which in self.optimizer_settings]
        return {
            "dataset": [entry.label for entry in self.datasets],
            "architecture": list(dict.fromkeys([*(entry.label for entry in self.architectures), *own])),
            "method": [f"{entry.label}{suffix}" for entry in self.methods for suffix in suffixes],
        }

    @property
    def optimizer_settings(self) -> tuple[str, ...]:
        """Whether methods run with their own settings, with the shared optimizer, with tuned settings, or side by
        side."""
        there = ("own", *(["shared"] if self.shared_optimizer else []), *(["tuned"] if self.tuning else []))
        return self.settings or there

    def tuning_on(self, dataset: DatasetEntry) -> Tuning | None:
        """The tuning on one dataset: its own keys over the study's. A step count of either kind replaces both."""
        changes = dataset.tuning.model_dump(exclude_none=True)
        if changes.keys() & {"generator_steps", "discriminator_steps"}:
            changes = {"generator_steps": None, "discriminator_steps": None, **changes}
        return self.tuning and self.tuning.model_copy(update=changes)


def load(path: Path) -> tuple[Study, Registry]:
    """Read and validate a study file, with the plugins it can name.

    Raises StudyError with all problems at once. Writes nothing, trains nothing, imports no torch.
    """
    try:
        raw = yamlfile.read(path)
    except yamlfile.YamlError as error:
        raise StudyError(path, [Problem("file", str(error).removeprefix(f"{path}: "))]) from error
    registry, problems = _registry(path, raw)
    study: Study | None = None
    try:
        study = Study.model_validate_json(_json(_spelled_out(raw, registry)))
    except ValidationError as error:
        problems += readable(error, raw, _known_keys, {*OPTIMIZER_KINDS, COUNT_OF, LIST_OF, *paper.CLAIMS})
    except ValueError as error:  # an integer of thousands of digits
        problems.append(Problem("file", str(error)))
    problems += checks.find(raw, registry)
    if study is not None and study.paper is not None:
        problems += misnomers.misnomers(study.paper, study.labels)
    budget = study.paper.budget if study is not None and study.paper is not None else None
    if study is not None and budget is not None:
        entries_of = {**study.labels, "method": [entry.label for entry in study.methods]}
        trials = study.tuning.trials if study.tuning else None
        problems += misnomers.overdrawn(budget, entries_of, len(study.seeds), trials)
    if study is None or problems:
        raise StudyError(path, list(dict.fromkeys(problems)))
    return study if budget is None else _within(study, budget), registry


def _within(study: Study, budget: Budget) -> Study:
    """What a paper's budget leaves of a study."""

    def chosen(kind: str, entries: tuple[AnEntry, ...]) -> tuple[AnEntry, ...]:
        labels = getattr(budget, kind)
        return tuple(entry for entry in entries if labels is None or entry.label in labels)

    def scaled(training: ATraining) -> ATraining:
        known = {key: getattr(training, key) for key in checks.STEPS}
        changes: dict[str, Any] = {k: max(1, round(v * budget.steps)) for k, v in known.items() if v is not None}
        if isinstance(training, (Training, TrainingChanges)) and isinstance(training.snapshots, tuple):
            changes["snapshots"] = tuple(max(1, round(step * budget.steps)) for step in training.snapshots)
        return training.model_copy(update=changes)

    datasets = [
        entry.model_copy(
            update={
                "training": scaled(entry.training),
                "tuning": scaled(entry.tuning),
                "architectures": entry.architectures and chosen("architectures", entry.architectures),
            }
        )
        for entry in chosen("datasets", study.datasets)
        if entry.architectures is None or chosen("architectures", entry.architectures)
    ]
    return study.model_copy(
        update={
            "datasets": tuple(datasets),
            "architectures": chosen("architectures", study.architectures),
            "methods": chosen("methods", study.methods),
            "seeds": study.seeds[: budget.seeds],
            "training": scaled(study.training),
            "tuning": study.tuning and _shortened(scaled(study.tuning), budget.trials),
        }
    )


def _shortened(tuning: Tuning, trials: int | None) -> Tuning:
    """A tuning of fewer trials, in no more generations than there are trials."""
    if trials is None:
        return tuning
    return tuning.model_copy(update={"trials": trials, "generations": min(tuning.generations, trials)})


def composed_method(entry: Entry, data_kind: str, registry: Registry) -> dict[str, Any]:
    """A study's method laid over all that it stands on, on one kind of data. Only for validated entries."""
    stack = method.layers(registry, entry.name, entry.settings.get("base"))
    return method.compose([*stack, entry.settings], data_kind)


def resolved_method(composed: dict[str, Any]) -> Method:
    """A composed method as a complete recipe. Raises pydantic's ValidationError for one that cannot be."""
    return Method.model_validate_json(_json(method.as_parts(composed)))


def _spelled_out(raw: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """The file with its entries in full: `mlp` as `{name: mlp, label: mlp, settings: {}}`."""
    full = dict(raw)
    for section in ("datasets", "architectures", "methods", "extractors"):
        if isinstance(raw.get(section), list):
            full[section] = [_entry(item, section, registry) for item in raw[section]]
    full["evaluation"] = _with_metrics(raw.get("evaluation", {}), registry)
    if isinstance(raw.get("tuning"), dict) and isinstance(raw["tuning"].get("pruning"), str):
        full["tuning"] = {**raw["tuning"], "pruning": {"name": raw["tuning"]["pruning"]}}
    return full


def _entry(item: Any, section: str, registry: Registry) -> Any:
    """One entry with its plugin's settings gathered; what is no entry stays as it is, for pydantic to report."""
    given = {"name": item} if isinstance(item, str) else item
    if not isinstance(given, dict):
        return given
    keys = entries.ENTRY_KEYS[section]
    own = {key: value for key, value in given.items() if key in keys}
    own["settings"] = entries.settings_of(given, keys)
    if own.get("condition") is not None:
        own["condition"] = entries.part(own["condition"])
    if isinstance(own.get("name"), str):
        own.setdefault("label", own["name"])
    if isinstance(own.get("architectures"), list):
        own["architectures"] = [_entry(inner, "architectures", registry) for inner in own["architectures"]]
    if "evaluation" in own:
        own["evaluation"] = _with_metrics(own["evaluation"], registry)
    return own


def _with_metrics(evaluation: Any, registry: Registry) -> Any:
    """An evaluation with its metrics as mappings; a name that cannot be read stays, for the checks to report."""
    listed = evaluation.get("metrics") if isinstance(evaluation, dict) else None
    if not isinstance(listed, list):
        return evaluation
    return {**evaluation, "metrics": [_metric(item, registry) for item in listed]}


def _metric(item: Any, registry: Registry) -> Any:
    try:
        return checks.metric_entry(item, registry)
    except measures.MeasureError:
        return {"name": str(item)}  # the checks say what is wrong with it


def _json(value: Any) -> str:
    """Validation runs on JSON: there, strict types still let a list be a tuple and an int a float."""
    return json.dumps(value, default=str)


def _registry(path: Path, raw: dict[str, Any]) -> tuple[Registry, list[Problem]]:
    """All plugins that the study can name; a file that is no plugin is a problem and is left out."""
    listed = raw.get("plugins")
    files: list[Path] = []
    problems: list[Problem] = []
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(name, str):
            continue  # pydantic says so
        try:
            plugins.discover([*files, path.parent / name])
        except cards.PluginError as error:
            problems.append(Problem(f"plugins[{index}]", str(error)))
        else:
            files.append(path.parent / name)
    return plugins.discover(files), problems


def _known_keys(path: list[str | int], tag: str | None) -> Iterable[str]:
    """The valid keys beside the last one of a key path in a study."""
    if len(path) == 1:
        return Study.model_fields
    if path[0] == "paper":
        return paper.known_keys(path, tag)
    if "tuning" in path:
        return (Pruning if "pruning" in path else TuningChanges if path[0] == "datasets" else Tuning).model_fields
    if "shared_optimizer" in path:
        return OPTIMIZER_KINDS.get(tag or "adam", Adam).model_fields
    return (Training if "training" in path else Evaluation).model_fields
