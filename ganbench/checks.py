"""What types cannot see in a study: names, settings, pairs, and keys that contradict each other.

The checks run on the file as it is written and skip what is not well-formed (that is pydantic's to report), so that
one mistake never hides another.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from ganbench import fits, layout, measures, method, yamlfile
from ganbench.entries import ENTRY_KEYS, Named, problems_of, settings_of, well_formed
from ganbench.method import OPTIMIZER_KINDS, Method
from ganbench.plugins import Registry, unknown
from ganbench.problems import Problem, readable

SHARED_FOLDERS = ("datasets", "extractors", "features")
"""Folders of results/ that all studies share."""

STEPS = ("generator_steps", "discriminator_steps")

FEWEST_SEEDS = 5
"""Of a trial that Wilcoxon's test can end early: four pairs are the fewest with a one-sided p below 0.1 (1/16)."""


def find(raw: dict[str, Any], registry: Registry) -> list[Problem]:
    """All problems of a study that its types do not show."""
    datasets = well_formed(raw.get("datasets"), "datasets")
    architectures = well_formed(raw.get("architectures"), "architectures")
    methods = well_formed(raw.get("methods"), "methods")
    found = [problem for where, entry in methods for problem in _method(registry, where, entry)]
    for where, entry in datasets:
        found += problems_of(registry, "dataset", where, entry["name"], settings_of(entry, ENTRY_KEYS["datasets"]))
        found += fits.condition(registry, entry, where)
        found += _architectures(registry, well_formed(entry.get("architectures"), f"{where}.architectures"))
        found += _metrics(registry, entry.get("evaluation"), f"{where}.evaluation")
    found += _architectures(registry, architectures)
    found += _metrics(registry, raw.get("evaluation"), "evaluation")
    for section, entries in (("datasets", datasets), ("architectures", architectures), ("methods", methods)):
        found += _labels(section, entries)
    found += [p for w, e in datasets for p in _labels(f"{w}.architectures", well_formed(e.get("architectures"), ""))]
    found += _extractors(registry, raw)
    found += _seeds(raw.get("seeds"))
    found += _budget(raw.get("training"), datasets)
    found += _optimizers(raw, methods)
    found += _tuning(raw, datasets)
    found += fits.pairs(registry, datasets, architectures)
    if raw.get("study") in SHARED_FOLDERS:
        found.append(Problem("study", f"'{raw['study']}' is a folder that studies share; choose another name"))
    if raw.get("study") == layout.PAPERS:
        found.append(Problem("study", f"'{layout.PAPERS}' is the page over all published tables; choose another name"))
    return found


def _architectures(registry: Registry, entries: list[Named]) -> list[Problem]:
    keys = ENTRY_KEYS["architectures"]
    found = (problems_of(registry, "architecture", w, e["name"], settings_of(e, keys)) for w, e in entries)
    return [problem for problems in found for problem in problems]


def metric_entry(item: Any, registry: Registry) -> Any:
    """A metric of a study as a mapping `{name, samples, extractor, settings}`. Raises measures.MeasureError for a name
    that cannot be read; what is neither name nor mapping stays as it is."""
    if isinstance(item, str):
        return measures.parse(item, registry)
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        return item
    keys = ENTRY_KEYS["metrics"]
    named = measures.parse(item["name"], registry)
    own = {key: item[key] for key in keys if key in item and key != "name"}
    return {**named, **own, "settings": {**named.get("settings", {}), **settings_of(item, keys)}}


def _metrics(registry: Registry, evaluation: Any, where: str) -> list[Problem]:
    """The names and settings of an evaluation's metrics."""
    found: list[Problem] = []
    for index, item in enumerate(_chosen_metrics(evaluation)):
        place = f"{where}.metrics[{index}]"
        try:
            entry = metric_entry(item, registry)
        except measures.MeasureError as error:
            found.append(Problem(place, str(error)))
            continue
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):  # else pydantic says so
            found += problems_of(registry, "metric", place, entry["name"], entry.get("settings", {}))
    return found


def _chosen_metrics(evaluation: Any) -> list[Any]:
    chosen = evaluation.get("metrics") if isinstance(evaluation, dict) else None
    return chosen if isinstance(chosen, list) else []


def _method(registry: Registry, where: str, entry: dict[str, Any]) -> list[Problem]:
    """A method's keys, its bases, and its complete recipe on both kinds of data."""
    own = settings_of(entry, ENTRY_KEYS["methods"])
    found = _recipe_keys(own, where)
    base = own.get("base")
    if base is not None and not isinstance(base, str):
        return [*found, Problem(f"{where}.base", f"{base!r} is not the name of a method")]
    try:
        stack = method.layers(registry, entry["name"], base)
    except (method.RecipeError, yamlfile.YamlError) as error:
        return [*found, Problem(where, str(error))]
    known = {key: value for key, value in own.items() if key in method.KEYS}
    known |= {key: None for key in method.ON_KIND if not isinstance(known.get(key), dict)}
    found += [problem for recipe in stack for problem in _recipe_keys(recipe, where)]
    for kind in ("points", "images"):
        composed = method.as_parts(method.compose([*stack, known], kind))
        composed = {key: value for key, value in composed.items() if key in Method.model_fields}
        try:
            Method.model_validate_json(json.dumps(composed, default=str))
        except ValidationError as error:
            problems = readable(error, composed, method_keys, OPTIMIZER_KINDS)
            found += [Problem(f"{where}.{_as_written(p.where, own)}", p.message) for p in problems]
        for part in method.PARTS:
            chosen = composed.get(part)
            if isinstance(chosen, dict) and isinstance(chosen.get("name"), str):
                found += problems_of(registry, part, f"{where}.{part}", chosen["name"], chosen["settings"])
    return found


def _as_written(path: str, own: dict[str, Any]) -> str:
    """The key path in the file: `optimizer` stands for both optimizers."""
    key, dot, rest = path.partition(".")
    return f"optimizer{dot}{rest}" if key in method.OPTIMIZERS and key not in own and "optimizer" in own else path


def _recipe_keys(own: dict[str, Any], where: str) -> list[Problem]:
    """Unknown keys of a recipe, and of what it says about one kind of data."""
    found = [
        Problem(f"{where}.{key}", unknown(f"unknown key (value {value!r}):", key, method.KEYS))
        for key, value in own.items()
        if key not in method.KEYS
    ]
    for key in method.ON_KIND:
        inner = own.get(key)
        if isinstance(inner, dict):
            found += _recipe_keys(inner, f"{where}.{key}")
        elif inner is not None:
            found.append(Problem(f"{where}.{key}", f"{inner!r} is not a mapping of settings"))
    return found


def method_keys(_: list[str | int], tag: str | None) -> Sequence[str]:
    return tuple(OPTIMIZER_KINDS[tag].model_fields) if tag else method.KEYS


def _labels(section: str, entries: list[Named]) -> list[Problem]:
    labels = Counter(str(entry.get("label", entry["name"])) for _, entry in entries)
    return [
        Problem(section, f"'{label}' appears {count} times; give each a `label` of its own")
        for label, count in labels.items()
        if count > 1
    ]


def _seeds(seeds: Any) -> list[Problem]:
    listed = seeds if isinstance(seeds, list) else []
    counts = Counter(seed for seed in listed if isinstance(seed, int) and not isinstance(seed, bool))
    return [
        Problem("seeds", f"seed {seed} appears {count} times; each seed is one run")
        for seed, count in counts.items()
        if count > 1
    ]


def _budget(training: Any, datasets: list[Named]) -> list[Problem]:
    """Exactly one step count for every dataset."""
    message = "give exactly one of generator_steps and discriminator_steps"
    general = {key for key in STEPS if isinstance(training, dict) and training.get(key) is not None}
    found = []
    for where, entry in datasets:
        changes = entry.get("training")
        own = {key for key in STEPS if isinstance(changes, dict) and changes.get(key) is not None}
        if own and len(own) != 1:
            found.append(Problem(f"{where}.training", message))
        elif not own and isinstance(training, dict) and len(general) != 1:
            found.append(Problem("training", message))
    return list(dict.fromkeys(found))


def _optimizers(raw: dict[str, Any], methods: list[Named]) -> list[Problem]:
    """Own and shared optimizers, and the labels of the methods that run with the shared one."""
    settings, shared = raw.get("settings"), raw.get("shared_optimizer")
    listed = [item for item in settings if isinstance(item, str)] if isinstance(settings, list) else []
    found = [
        Problem("settings", f"'{name}' appears {count} times") for name, count in Counter(listed).items() if count > 1
    ]
    if "shared" in listed and shared is None:
        found.append(Problem("settings", "'shared' needs the key shared_optimizer, e.g. {name: adam, lr: 2e-4}"))
    tuning = raw.get("tuning")
    if "tuned" in listed and tuning is None:
        found.append(
            Problem("settings", "'tuned' needs the key tuning, e.g. {trials: 24, generations: 4, seeds: [100]}")
        )
    labels = {str(entry.get("label", entry["name"])) for _, entry in methods}
    for which, there, what in (("shared", shared, "under the shared optimizer"), ("tuned", tuning, "as it is tuned")):
        for where, entry in methods if there is not None and (not listed or which in listed) else ():
            label = str(entry.get("label", entry["name"]))
            base = label.removesuffix(f"-{which}")
            if base != label and base in labels:
                found.append(Problem(f"{where}.label", f"'{label}' is the name of '{base}' {what}"))
    return found


def _tuning(raw: dict[str, Any], datasets: list[Named]) -> list[Problem]:
    """Trials, generations and seeds of the tuning, and what datasets change of it."""
    tuning = raw.get("tuning")
    changed = [where for where, entry in datasets if entry.get("tuning")]
    if not isinstance(tuning, dict):
        return [Problem(f"{where}.tuning", "there is no `tuning` that it could change") for where in changed]
    found: list[Problem] = []
    trials, generations = tuning.get("trials"), tuning.get("generations")
    if isinstance(trials, int) and isinstance(generations, int) and generations > trials:
        found.append(Problem("tuning.generations", f"{generations} generations of {trials} trials: at most one each"))
    seeds = [seed for seed in _listed(tuning.get("seeds")) if isinstance(seed, int)]
    reported = [seed for seed in _listed(raw.get("seeds")) if isinstance(seed, int)]
    if both := [seed for seed in seeds if seed in reported]:
        message = f"seed {both[0]} is reported too; tune with others, e.g. {[1000 + i for i in range(len(seeds))]}"
        found.append(Problem("tuning.seeds", message))
    if twice := [seed for seed, count in Counter(seeds).items() if count > 1]:
        found.append(Problem("tuning.seeds", f"seed {twice[0]} appears twice; each seed is one training of a trial"))
    for where, given in [("tuning", tuning), *((f"{w}.tuning", e.get("tuning")) for w, e in datasets)]:
        if isinstance(given, dict) and all(given.get(key) is not None for key in STEPS):
            found.append(Problem(where, "give one of generator_steps and discriminator_steps, or neither"))
    pruning = tuning.get("pruning")
    name = pruning.get("name") if isinstance(pruning, dict) else pruning
    if name == "wilcoxon" and len(seeds) < FEWEST_SEEDS:
        message = f"with fewer than {FEWEST_SEEDS} seeds Wilcoxon's test ends no trial early; there are {len(seeds)}"
        found.append(Problem("tuning.pruning", message))
    if tuning.get("sampler") == "cmaes" and tuning.get("backend") == "storage":
        message = "CMA-ES keeps its state in the storage as code that would be run; use `backend: generations`"
        found.append(Problem("tuning.sampler", message))
    if tuning.get("backend", "generations") != "storage":
        found += [
            Problem(f"tuning.{key}", "is for `backend: storage`") for key in ("storage", "workers") if key in tuning
        ]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _extractors(registry: Registry, raw: dict[str, Any]) -> list[Problem]:
    """The study's extractors. Their labels are parts of metrics' names, and no other extractor's name."""
    keys = ENTRY_KEYS["extractors"]
    entries = well_formed(raw.get("extractors"), "extractors")
    found = [p for w, e in entries for p in problems_of(registry, "extractor", w, e["name"], settings_of(e, keys))]
    for where, entry in entries:
        label = entry.get("label", entry["name"])
        if not isinstance(label, str):
            continue  # pydantic says so
        if not measures.can_name_an_extractor(label):
            message = f"'{label}' cannot be a part of a metric's name: no underscore, no number, not a split's name"
            found.append(Problem(f"{where}.label", message))
        if label != entry["name"] and label in registry.cards["extractor"]:
            found.append(Problem(f"{where}.label", f"'{label}' is another extractor; choose another label"))
    return found + _labels("extractors", entries)
