"""The study file: what is crossed, how it is trained and evaluated. Validated as a whole, before anything runs."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field as Key
from pydantic import NonNegativeInt, PositiveInt, ValidationError

from ganbench import method, plugins, yamlfile
from ganbench.method import Method, Optimizer, Strict
from ganbench.plugins import Card, Registry, unknown

Label = Annotated[str, Key(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=64)]
RESERVED = ("datasets", "classifiers")  # folders of results/ that all studies share


class StudyError(Exception):
    """A study that cannot run: the file and every problem found in it."""

    def __init__(self, path: Path, problems: list["Problem"]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {p.where}: {p.message}" for p in problems)]))


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a study: the path of the key, and what is wrong with its value."""

    where: str
    message: str


class Training(Strict):
    """The training budget of a run. Exactly one of the two step counts is given."""

    generator_steps: PositiveInt | None = None
    discriminator_steps: PositiveInt | None = None
    batch_size: PositiveInt = 64
    log_every: PositiveInt = 50
    runs_per_job: PositiveInt = 1


class Evaluation(Strict):
    """How a trained generator is measured. `metrics: null` means all that apply to the data."""

    samples: Annotated[int, Key(ge=2)] = 10_000
    metrics: tuple[str, ...] | None = None
    runs_per_job: PositiveInt = 8


class Entry(Strict):
    """A plugin named in a study: `name`, an optional `label`, and the plugin's own settings inline."""

    name: str
    label: Label
    settings: dict[str, Any] = Key(default_factory=dict)


class DatasetEntry(Entry):
    """A dataset, with what differs from the rest of the study on it."""

    architectures: Annotated[tuple[Entry, ...], Key(min_length=1)] | None = None
    training: dict[str, Any] = Key(default_factory=dict)
    evaluation: dict[str, Any] = Key(default_factory=dict)


class Study(Strict):
    """A validated study."""

    study: Label
    description: str = ""
    plugins: tuple[str, ...] = ()
    datasets: Annotated[tuple[DatasetEntry, ...], Key(min_length=1)]
    architectures: Annotated[tuple[Entry, ...], Key(min_length=1)]
    methods: Annotated[tuple[Entry, ...], Key(min_length=1)]
    seeds: Annotated[tuple[NonNegativeInt, ...], Key(min_length=1)]
    training: Training
    evaluation: Evaluation = Evaluation()
    shared_optimizer: Optimizer | None = None
    settings: Annotated[tuple[Literal["own", "shared"], ...], Key(min_length=1)] | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: PositiveInt = 1
    data: str | None = None

    def training_on(self, dataset: DatasetEntry) -> Training:
        """The budget on one dataset: its own keys over the study's."""
        base = self.training.model_dump()
        if {"generator_steps", "discriminator_steps"} & dataset.training.keys():
            base |= {"generator_steps": None, "discriminator_steps": None}
        return Training.model_validate_json(_json({**base, **dataset.training}))

    def evaluation_on(self, dataset: DatasetEntry) -> Evaluation:
        """The evaluation on one dataset: its own keys over the study's."""
        return Evaluation.model_validate_json(_json({**self.evaluation.model_dump(), **dataset.evaluation}))

    @property
    def optimizer_settings(self) -> tuple[str, ...]:
        """Whether methods run with their own optimizers, with the shared one, or both side by side."""
        return self.settings or (("own", "shared") if self.shared_optimizer else ("own",))


def load(path: Path) -> tuple[Study, Registry]:
    """Read and validate a study file, with the plugins it can name.

    Raises StudyError with all problems at once. Writes nothing, trains nothing, imports no torch.
    """
    try:
        raw = yamlfile.read(path)
    except yamlfile.YamlError as error:
        raise StudyError(path, [Problem("file", str(error).removeprefix(f"{path}: "))]) from error
    problems: list[Problem] = []
    registry = _registry(path, raw, problems)
    study: Study | None = None
    try:
        study = Study.model_validate_json(_json(_spelled_out(raw)))
    except ValidationError as error:
        problems += _readable(error, raw)
    problems += _references(raw, registry)
    if study is not None:
        problems += _consistency(study)
    if study is None or problems:
        raise StudyError(path, problems)
    return study, registry


def data_kind(card: Card) -> str:
    """`points` or `images`: what a dataset plugin holds."""
    return str(card.traits.get("kind", "points"))


def resolved_method(entry: Entry, kind: str, registry: Registry) -> Method:
    """The complete recipe of a study's method on one kind of data. Only for validated entries."""
    own = entry.settings
    stack = method.layers(registry, entry.name, own.get("base"))
    composed = method.as_parts(method.compose([*stack, own], kind))
    return Method.model_validate_json(_json(composed))


def _spelled_out(raw: dict[str, Any]) -> dict[str, Any]:
    """The file with its entries in full: `mlp` as `{name: mlp, label: mlp, settings: {}}`."""
    full = dict(raw)
    for section, model in (("datasets", DatasetEntry), ("architectures", Entry), ("methods", Entry)):
        if isinstance(raw.get(section), list):
            full[section] = [_entry(item, model) for item in raw[section]]
    return full


def _entry(item: Any, model: type[Entry]) -> Any:
    """One entry with its plugin's settings gathered; what is no entry stays as it is, for pydantic to report."""
    given = {"name": item} if isinstance(item, str) else item
    if not isinstance(given, dict):
        return given
    settings = _settings(given, model)
    own = {key: value for key, value in given.items() if key not in settings}
    own["settings"] = settings
    own.setdefault("label", own.get("name"))
    if isinstance(own.get("architectures"), list):
        own["architectures"] = [_entry(inner, Entry) for inner in own["architectures"]]
    return own


def _json(value: Any) -> str:
    """Validation runs on JSON: there, strict types still let a list be a tuple and an int a float."""
    return json.dumps(value, default=str)


def _registry(path: Path, raw: dict[str, Any], problems: list[Problem]) -> Registry:
    listed = raw.get("plugins")
    files = [path.parent / f for f in listed if isinstance(f, str)] if isinstance(listed, list) else []
    for index, file in enumerate(files):
        try:
            plugins.discover([file])
        except plugins.PluginError as error:
            problems.append(Problem(f"plugins[{index}]", str(error)))
    try:
        return plugins.discover([] if problems else files)
    except plugins.PluginError as error:
        problems.append(Problem("plugins", str(error)))
        return plugins.discover()


def _readable(error: ValidationError, raw: Any) -> list[Problem]:
    """Pydantic's errors as sentences with key path, value and the closest valid name."""
    found = []
    for item in error.errors(include_url=False, include_context=False):
        loc = [part for part in item["loc"] if part not in ("adam", "rmsprop", "sgd")]
        where = _where(loc)
        value, given = raw, True
        for part in loc:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                given = False
        if item["type"] == "extra_forbidden":
            message = unknown(f"unknown key (value {value!r}):", loc[-1], _known_keys(loc))
        elif item["type"] == "missing":
            message = "this key is required"
        else:
            message = f"{value!r}: {item['msg']}" if given else item["msg"]
        found.append(Problem(where, message))
    return found


def _where(loc: Iterable[str | int]) -> str:
    """`("methods", 1, "name")` as `methods[1].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".") or "file"


def _known_keys(loc: list[str | int]) -> Iterable[str]:
    if len(loc) == 1:
        return Study.model_fields
    sections: dict[str, type[Strict]] = {"training": Training, "evaluation": Evaluation}
    return sections.get(str(loc[0]), method.Adam).model_fields


def _references(raw: dict[str, Any], registry: Registry) -> list[Problem]:
    """Check every plugin name and setting in the file, however broken the rest of it is."""
    found: list[Problem] = []
    for where, entry in _entries(raw.get("datasets"), "datasets"):
        found += _plugin(registry, "dataset", where, _settings(entry, DatasetEntry), entry)
        sections: tuple[tuple[str, type[Strict]], ...] = (("training", Training), ("evaluation", Evaluation))
        for key, model in sections:
            overrides = entry.get(key)
            for name in overrides if isinstance(overrides, dict) else ():
                if name not in model.model_fields:
                    message = unknown("unknown key:", name, model.model_fields)
                    found.append(Problem(f"{where}.{key}.{name}", message))
        for inner, architecture in _entries(entry.get("architectures"), f"{where}.architectures"):
            found += _plugin(registry, "architecture", inner, _settings(architecture), architecture)
    for where, entry in _entries(raw.get("architectures"), "architectures"):
        found += _plugin(registry, "architecture", where, _settings(entry), entry)
    for where, entry in _entries(raw.get("methods"), "methods"):
        found += _method(registry, where, entry)
    evaluation = raw.get("evaluation")
    chosen = evaluation.get("metrics") if isinstance(evaluation, dict) else None
    for index, name in enumerate(chosen if isinstance(chosen, list) else ()):
        if name not in registry.cards["metric"]:
            message = unknown("unknown metric", name, registry.names("metric"))
            found.append(Problem(f"evaluation.metrics[{index}]", message))
    return found


def _entries(section: Any, where: str) -> list[tuple[str, dict[str, Any]]]:
    """The well-formed entries of a section, each with its key path; the rest is pydantic's to report."""
    listed = section if isinstance(section, list) else []
    full = [{"name": item} if isinstance(item, str) else item for item in listed]
    return [
        (f"{where}[{index}]", item)
        for index, item in enumerate(full)
        if isinstance(item, dict) and isinstance(item.get("name"), str)
    ]


def _settings(entry: dict[str, Any], model: type[Entry] = Entry) -> dict[str, Any]:
    """The plugin's own keys of an entry as it is written."""
    keys = model.model_fields.keys() - {"settings"}
    return {key: value for key, value in entry.items() if key not in keys}


def _plugin(
    registry: Registry, kind: str, where: str, settings: dict[str, Any], entry: dict[str, Any]
) -> list[Problem]:
    name = entry["name"]
    if name not in registry.cards[kind]:
        return [Problem(where, unknown(f"unknown {kind}", name, registry.names(kind)))]
    _, problems = plugins.resolve(registry.card(kind, name), settings)
    return [Problem(f"{where}.{key}", message) for key, message in problems]


def _method(registry: Registry, where: str, entry: dict[str, Any]) -> list[Problem]:
    own = _settings(entry)
    found = [
        Problem(f"{where}.{key}", unknown("unknown key:", key, method.KEYS)) for key in own if key not in method.KEYS
    ]
    try:
        stack = method.layers(registry, entry["name"], own.get("base"))
    except (method.RecipeError, yamlfile.YamlError) as error:
        return [*found, Problem(where, str(error))]
    if found:
        return found
    for kind in ("points", "images"):
        composed = method.as_parts(method.compose([*stack, own], kind))
        try:
            recipe = Method.model_validate_json(_json(composed))
        except ValidationError as error:
            found += [Problem(f"{where}.{p.where}", p.message) for p in _readable(error, composed)]
            continue
        for part in method.PARTS:
            chosen = getattr(recipe, part)
            if chosen is not None:
                named = {"name": chosen.name}
                found += _plugin(registry, part, f"{where}.{part}", chosen.settings, named)
    return list(dict.fromkeys(found))


def _consistency(study: Study) -> list[Problem]:
    """What no single key can get wrong alone."""
    found: list[Problem] = []
    if study.study in RESERVED:
        found.append(Problem("study", f"'{study.study}' is a folder that studies share; choose another name"))
    for section in ("datasets", "architectures", "methods"):
        labels = Counter(entry.label for entry in getattr(study, section))
        for label, count in labels.items():
            if count > 1:
                found.append(Problem(section, f"'{label}' appears {count} times; give each a `label` of its own"))
    found += [
        Problem("seeds", f"seed {seed} appears {count} times; each seed is one run")
        for seed, count in Counter(study.seeds).items()
        if count > 1
    ]
    for index, dataset in enumerate(study.datasets):
        where = f"datasets[{index}]"
        try:
            training, _ = study.training_on(dataset), study.evaluation_on(dataset)
        except ValidationError as error:
            raw = {**dataset.training, **dataset.evaluation}
            section = "training" if error.title == "Training" else "evaluation"
            found += [Problem(f"{where}.{section}.{p.where}", p.message) for p in _readable(error, raw)]
            continue
        if (training.generator_steps is None) == (training.discriminator_steps is None):
            where = f"{where}.training" if dataset.training else "training"
            found.append(Problem(where, "give exactly one of generator_steps and discriminator_steps"))
    if "shared" in study.optimizer_settings and study.shared_optimizer is None:
        found.append(Problem("settings", "'shared' needs the key shared_optimizer, e.g. {name: adam, lr: 2e-4}"))
    return list(dict.fromkeys(found))
