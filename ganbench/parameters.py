"""Parameters of a search: settings of a method by their path, where to look for their values, and values laid over a
recipe.

A path is written in a method's own words: `optimizer.lr` (both optimizers), `penalty.weight`, `optimizer.betas[0]`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench import method, spaces
from ganbench.method import OPTIMIZER_KINDS

STEP = re.compile(r"(\w+)|\[(\d+)\]")
PATH = re.compile(r"\w+(\.\w+|\[\d+\])*")

Recipe = dict[str, Any]
"""A recipe as `method.compose` leaves it."""
Values = dict[str, Any]
"""Values by path."""


@dataclass(frozen=True)
class Parameter:
    """A path, the space of its values, and what other parameters must be for it to exist."""

    path: str
    space: tuple[Any, ...]
    when: Values = field(default_factory=dict)

    @property
    def spec(self) -> dict[str, Any]:
        """All that a search depends on."""
        return {"path": self.path, "space": list(self.space), "when": self.when}

    def applies(self, values: Values) -> bool:
        """Whether the parameter exists beside these values."""
        return all(path in values and values[path] == value for path, value in self.when.items())

    @property
    def described(self) -> str:
        """The space in words."""
        where = " and ".join(f"{path} is {value}" for path, value in self.when.items())
        return spaces.described(self.space) + (f", where {where}" if where else "")


def parse(path: str) -> list[str | int]:
    """The keys and indices of a path. ValueError if it cannot be read."""
    if not PATH.fullmatch(path):
        raise ValueError(f"'{path}' is no path of a setting, such as optimizer.lr or optimizer.betas[0]")
    return [key or int(index) for key, index in STEP.findall(path)]


def laid(recipe: Recipe, values: Values) -> Recipe:
    """A recipe with other values; names first, because a new name takes most of the old settings away."""
    changed = recipe
    for path in sorted(values, key=lambda path: (not is_name(path), path)):
        for keys in _targets(path):
            changed = _with(changed, keys, values[path])
    return changed


def read(recipe: Recipe, path: str) -> Any:
    """The value at a path of a recipe; None if there is none, or if the two optimizers differ."""
    found = [_at(recipe, keys) for keys in _targets(path)]
    return found[0] if all(value == found[0] for value in found) else None


def own(recipe: Recipe, parameters: tuple[Parameter, ...]) -> Values:
    """The recipe's own values of the parameters; without those that it does not have."""
    values: Values = {}
    for parameter in parameters:
        value = read(recipe, parameter.path)
        if value is not None and parameter.applies(values):
            values[parameter.path] = value
    return values


def changed_parts(recipe: Recipe, values: Values) -> Recipe:
    """The parts of a recipe in which values were laid, whole, as a study writes them: one `optimizer` if both are
    equal."""
    touched = {str(keys[0]) for path in values for keys in _targets(path)}
    parts = {key: recipe[key] for key in recipe if key in touched}
    first, second = (parts.get(key) for key in method.OPTIMIZERS)
    if first is not None and first == second:
        parts = {key: value for key, value in parts.items() if key not in method.OPTIMIZERS}
        parts["optimizer"] = first
    return parts


def is_name(path: str) -> bool:
    """Whether a path is of the name of a loss, penalty, constraint or optimizer: `loss` is short for `loss.name`."""
    return path.endswith(".name") or path in (*method.PARTS, *method.OPTIMIZERS, "optimizer")


def as_option(value: Any) -> Any:
    """A choice as Optuna keeps it: lists as text."""
    return json.dumps(value) if isinstance(value, (list, tuple, dict)) else value


def from_option(space: tuple[Any, ...], option: Any) -> Any:
    """The choice that an option stands for."""
    return next(value for value in space[1:] if type(as_option(value)) is type(option) and as_option(value) == option)


def contains(space: tuple[Any, ...], value: Any) -> bool:
    """Whether a value is in a space."""
    shape, *rest = space
    if shape == "choice":
        return any(as_option(option) == as_option(value) for option in rest)
    return not isinstance(value, (str, bool, list)) and bool(rest[0] <= value <= rest[1])


def _targets(path: str) -> list[list[str | int]]:
    """The keys of a path in a composed recipe, where `optimizer` is both of them."""
    keys = parse(path)
    if is_name(path) and keys[-1] != "name":
        keys.append("name")
    return [[key, *keys[1:]] for key in method.OPTIMIZERS] if keys[0] == "optimizer" else [keys]


def _with(old: Any, keys: list[str | int], value: Any) -> Any:
    """A value of nested mappings and lists, with another value at a place."""
    if not keys:
        return value
    key, *rest = keys
    if isinstance(key, int):
        listed = list(old) if isinstance(old, (list, tuple)) else []
        if key >= len(listed):
            return old  # the recipe is then not valid, or has no such list: validation says so
        listed[key] = _with(listed[key], rest, value)
        return listed
    held = dict(old) if isinstance(old, Mapping) else {}
    if key == "name" and not rest:
        return held if held.get("name") == value else _renamed(held, value)
    return {**held, key: _with(held.get(key), rest, value)}


def _renamed(held: Mapping[str, Any], name: Any) -> dict[str, Any]:
    """Another plugin, without settings; or another optimizer, with those that it shares with the old one."""
    fields = OPTIMIZER_KINDS[name].model_fields if name in OPTIMIZER_KINDS else {}
    defaults = {key: of.default for key, of in fields.items() if not of.is_required()}
    return {**defaults, **{key: held[key] for key in held if key in fields}, "name": name}


def _at(recipe: Any, keys: list[str | int]) -> Any:
    for key in keys:
        if isinstance(key, int):
            recipe = recipe[key] if isinstance(recipe, (list, tuple)) and key < len(recipe) else None
        else:
            recipe = recipe.get(key) if isinstance(recipe, Mapping) else None
    return recipe
