"""What can be tuned in a method: usual ranges, the spaces of its plugins and recipes, and what a study says of them."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ganbench import checks, method, parameters, plugins, spaces, study
from ganbench.method import OPTIMIZER_KINDS
from ganbench.parameters import Parameter, Recipe
from ganbench.plugins import Registry
from ganbench.problems import Problem, readable
from ganbench.study import Entry
from ganbench.tuning import Conditional, Tuning

RATE = ("log", 1e-5, 1e-2)
MOMENTUM = ("linear", 0.0, 0.99)
CRITIC_STEPS = ("choice", 1, 5)
"""The wide ranges of Lucic et al. 2018 (arXiv:1711.10337; google/compare_gan, src/params.py): learning rate, Adam's
first beta (there up to 1, which Adam does not allow), discriminator steps per generator step."""

Written = dict[str, Any]
"""Spaces as they are written, by path."""


def usual(recipe: Recipe) -> Written:
    """The spaces of what every method has. Optimizers that differ in the recipe are searched apart."""
    found: Written = {}
    for key, space in (("lr", RATE), ("betas[0]", MOMENTUM)):
        if parameters.read(recipe, f"optimizer.{key}") is not None:
            found[f"optimizer.{key}"] = space
        else:
            for player in method.OPTIMIZERS:
                if parameters.read(recipe, f"{player}.{key}") is not None:
                    found[f"{player}.{key}"] = space
    return {**found, "n_critic": CRITIC_STEPS}


def of_plugins(recipe: Recipe, registry: Registry) -> Written:
    """The spaces that the method's loss, penalty and constraint bring."""
    found: Written = {}
    for part in method.PARTS:
        if recipe.get(part):
            card = registry.card(part, recipe[part]["name"])
            found |= {f"{part}.{key}": space for key, space in card.traits.get("search", {}).items()}
    return found


def tunable(
    entry: Entry, where: str, kind: str, tuning: Tuning, registry: Registry
) -> tuple[tuple[Parameter, ...], list[Problem], dict[str, str]]:
    """The parameters of a study's method on one kind of data, conditions first; what is wrong with them; and which of
    the spaces for all methods this one has no use for, and why.

    Later layers are stronger: usual ranges, plugins, recipes from the deepest base on, the study, the study's entry.
    """
    recipe = study.composed_method(entry, kind, registry)
    stack = method.layers(registry, entry.name, entry.settings.get("base"))
    layers = [("", usual(recipe)), ("", of_plugins(recipe, registry))]
    layers += [(f"{where} (recipe)", layer["search"]) for layer in stack if layer.get("search")]
    layers += [("tuning.space", tuning.space), (f"{where}.search", entry.settings.get("search") or {})]
    written: Written = {}
    source: dict[str, str] = {}
    problems: list[Problem] = []
    for place, layer in layers:
        if not isinstance(layer, Mapping):
            problems.append(Problem(place, f"{layer!r} is not a mapping of paths to spaces"))
            continue
        for path, space in layer.items():
            either = [f"{player}.{path.removeprefix('optimizer.')}" for player in method.OPTIMIZERS]
            yielding = [f"optimizer.{path.partition('.')[2]}"] if path.partition(".")[0] in method.OPTIMIZERS else []
            for other in yielding or (either if path.startswith("optimizer.") else []):
                written.pop(other, None)  # one setting is not searched twice
            written[path], source[path] = space, place
    chosen, useless = [], {}
    for path, space in written.items():
        if space is None:
            continue
        parameter, wrong = _parameter(path, space)
        if parameter is not None:
            wrong = _misfit(parameter, recipe, registry)
        if wrong and source[path] == "tuning.space":
            useless[path] = wrong
        elif wrong:
            problems.append(Problem(f"{source[path] or where}.{path}", wrong))
        elif parameter:
            chosen.append(parameter)
    ordered, unmet = _conditions_first(chosen)
    problems += [Problem(f"{source[parameter.path] or where}.{parameter.path}", why) for parameter, why in unmet]
    if not ordered and not problems:
        problems.append(Problem(where, f"nothing to tune: every space of '{entry.label}' is null; give it a `search`"))
    return tuple(ordered), problems, useless


def _parameter(path: str, written: Any) -> tuple[Parameter | None, str | None]:
    """A parameter from how it is written, or what is wrong with it."""
    when: Any = {}
    if isinstance(written, Conditional):
        written, when = written.try_, written.when
    elif isinstance(written, Mapping):  # of a recipe or an entry, which have no types
        if set(written) != {"try", "when"} or not isinstance(written["when"], Mapping):
            return None, f"a space is a list, or {{try: [...], when: {{path: value}}}}; got {written!r}"
        written, when = written["try"], written["when"]
    space = tuple(written) if isinstance(written, (list, tuple)) else written
    wrong = spaces.malformed(space)
    if wrong:
        return None, f"{wrong}; got {written!r}"
    try:
        parameters.parse(path)
    except ValueError as error:
        return None, str(error)
    return Parameter(path, space, dict(when)), None


def _misfit(parameter: Parameter, recipe: Recipe, registry: Registry) -> str | None:
    """Why the method cannot have a value of the space, or None."""
    for probe in spaces.probes(parameter.space):
        changed = parameters.laid(recipe, {**parameter.when, parameter.path: probe})
        wrong = invalid(changed, registry)
        if wrong:
            return wrong
        if parameters.read(changed, parameter.path) != probe:
            return f"the method has no such setting: {parameter.path}"
    return None


def invalid(recipe: Recipe, registry: Registry) -> str | None:
    """Why a composed recipe is none, or None."""
    for part in method.PARTS:
        chosen = recipe.get(part)
        if not isinstance(chosen, dict):
            continue
        if "name" not in chosen:
            return f"the method has no {part}"
        if chosen["name"] not in registry.cards[part]:
            return registry.missing(part, chosen["name"])
        settings = {key: value for key, value in chosen.items() if key != "name"}
        _, problems = plugins.resolve(registry.card(part, chosen["name"]), settings)
        if problems:
            return problems[0][1]
    try:
        study.resolved_method(recipe)
    except ValidationError as error:
        problem, *_ = readable(error, recipe, checks.method_keys, OPTIMIZER_KINDS)
        return f"{problem.where}: {problem.message}"
    return None


def _conditions_first(chosen: list[Parameter]) -> tuple[list[Parameter], list[tuple[Parameter, str]]]:
    """The parameters such that each comes after those that it depends on; and those whose condition cannot be met."""
    spaces_of = {parameter.path: parameter.space for parameter in chosen}
    ordered: list[Parameter] = []
    waiting = list(chosen)
    while waiting:
        done = {parameter.path for parameter in ordered}
        ready = [parameter for parameter in waiting if parameter.when.keys() <= done]
        if not ready:
            break
        ordered += ready
        waiting = [parameter for parameter in waiting if parameter not in ready]
    unmet = []
    for parameter in [*ordered, *waiting]:
        unknown = [path for path in parameter.when if path not in spaces_of]
        never = [p for p, v in parameter.when.items() if p in spaces_of and not parameters.contains(spaces_of[p], v)]
        if unknown:
            known = ", ".join(spaces_of)
            unmet.append((parameter, f"`when` names '{unknown[0]}', which is not searched (searched: {known})"))
        elif never:
            unmet.append(
                (parameter, f"`when` wants {never[0]} {parameter.when[never[0]]!r}, which is not in its space")
            )
        elif parameter in waiting:
            unmet.append((parameter, "its condition depends on the parameter itself"))
    return ordered, unmet
