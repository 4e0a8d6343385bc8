"""Find the plugins that a study can name: built-in, of installed packages, or given as files; and load them."""

import dataclasses
import difflib
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from ganbench import installed, yamlfile
from ganbench.cards import KINDS, MISSING, Card, PluginError, name_of, read_card, source_of

METHODS = "methods"
RECIPE = (".yaml", ".yml")
KINDS_AND_METHOD = (*KINDS, "method")
GROUPS = {f"{installed.PREFIX}{folder}": kind for kind, (folder, _) in KINDS.items()}
GROUPS[installed.PREFIX + METHODS] = "method"
"""The groups of entry points, and the kind of plugin that each holds."""

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Broken:
    """An installed plugin that cannot be used, and why. Nobody hears of it who does not ask for it."""

    kind: str
    name: str
    message: str


@dataclass(frozen=True)
class Registry:
    """All plugins a study can name: cards by kind and name, the paths of the method recipes, the packages of those
    recipes that are installed, and installed plugins that cannot be used."""

    cards: dict[str, dict[str, Card]]
    recipes: dict[str, Path]
    packages: dict[str, str] = dataclasses.field(default_factory=dict)
    broken: tuple[Broken, ...] = ()

    def card(self, kind: str, name: str) -> Card:
        """The card of a known plugin; KeyError otherwise (validation has named it before)."""
        return self.cards[kind][name]

    def names(self, kind: str) -> list[str]:
        """The names of one kind, sorted; `method` is a kind here."""
        return sorted(self.recipes if kind == "method" else self.cards[kind])

    def source(self, kind: str, name: str) -> str:
        """Where a known plugin comes from: built-in, a package with its version, or a file."""
        if kind == "method":
            return source_of(self.packages.get(name, ""), self.recipes[name].parent == HERE / METHODS)
        return self.card(kind, name).source

    def missing(self, kind: str, name: str, others: Iterable[str] = ()) -> str:
        """A sentence about a name that is not known: what is wrong with it, or the closest one. `others`: more names
        that would do."""
        for broken in self.broken:
            if (broken.kind, broken.name) == (kind, name):
                return f"{kind} '{name}' cannot be used: {broken.message}"
        elsewhere = [f"{other} '{name}' exists" for other in KINDS_AND_METHOD if name in self._known(other)]
        hint = f"; {', '.join(elsewhere)}" if elsewhere else ""
        return unknown(f"unknown {kind}", name, [*self._known(kind), *others]) + hint

    def _known(self, kind: str) -> Iterable[str]:
        return self.recipes if kind == "method" else self.cards.get(kind, ())


def discover(files: Sequence[Path] = ()) -> Registry:
    """Read the built-in plugins, those of installed packages, and the given files (`.py`, or a recipe's `.yaml`).

    An installed plugin that cannot be used is left out and listed as broken. Raises PluginError for the given files.
    """
    cards: dict[str, dict[str, Card]] = {kind: {} for kind in KINDS}
    for card in _built_in():
        _add(cards, card)
    registry = Registry(cards, {path.stem: path for path in sorted((HERE / METHODS).glob("*.yaml"))})
    registry = replace(registry, broken=_add_installed(registry))
    for path in files:
        if path.suffix in RECIPE:
            _add_recipe(registry, path)
        else:
            _add(cards, read_card(path))
    return registry


@cache
def _built_in() -> tuple[Card, ...]:
    """The cards of ganbench's own plugins, read once."""
    return tuple(
        replace(read_card(path, kind), module=f"ganbench.{folder}.{path.stem}")
        for kind, (folder, _) in KINDS.items()
        for path in sorted((HERE / folder).glob("[!_]*.py"))
    )


def _add_installed(registry: Registry) -> tuple[Broken, ...]:
    """Add what packages offer. A name given twice means neither, so that no package changes what a name means."""
    broken: list[Broken] = []
    twice: set[tuple[str, str]] = set()
    for offer in installed.offers(GROUPS):
        kind, name = offer.kind, offer.name
        try:
            if offer.path is None:
                suffix = ".yaml" if kind == "method" else ".py"
                raise PluginError(f"no file of module {offer.module} (one that ends in {suffix}) is installed")
            if name != name_of(offer.path):
                raise PluginError(f"{offer.path}: call the entry point '{name_of(offer.path)}', like its file")
            if name in registry.names(kind):
                twice.add((kind, name))
                raise PluginError(f"{registry.source(kind, name)} has one of that name too; rename one of them")
            if kind == "method":
                _add_recipe(registry, offer.path)
                registry.packages[name] = offer.package
            else:
                card = replace(read_card(offer.path, kind), module=offer.module, package=offer.package)
                _add(registry.cards, card)
        except PluginError as error:
            broken.append(Broken(kind, name, f"package {offer.package}: {error}"))
    for kind, name in twice:
        (registry.recipes if kind == "method" else registry.cards[kind]).pop(name)
    return tuple(broken)


def _add(cards: dict[str, dict[str, Card]], card: Card) -> None:
    known = cards[card.kind].get(card.name)
    if known is not None:
        raise PluginError(
            f"{card.path}: {card.kind} '{card.name}' exists already in {known.path} ({known.source}); rename the file"
        )
    for other in cards["metric"].values() if card.kind == "metric" else ():
        shared = {card.name, card.traits["short"]} & {other.name, other.traits["short"]}
        if shared:
            raise PluginError(f"{card.path}: the name '{min(shared)}' belongs to '{other.name}'; choose another")
    cards[card.kind][card.name] = card


def _add_recipe(registry: Registry, path: Path) -> None:
    try:
        yamlfile.read(path)
    except yamlfile.YamlError as error:
        raise PluginError(str(error)) from error
    name = name_of(path)
    if name in registry.recipes:
        source = registry.source("method", name)
        raise PluginError(
            f"{path}: method '{name}' exists already in {registry.recipes[name]} ({source}); rename the file"
        )
    registry.recipes[name] = path


def knowing(path: Path) -> tuple[Registry, str]:
    """A registry with the plugin in this file, which may be built-in or installed, and its kind. Raises PluginError."""
    kind, name = "method" if path.suffix in RECIPE else read_card(path).kind, name_of(path)
    registry = discover()
    if name in registry.names(kind):
        known = registry.recipes[name] if kind == "method" else registry.card(kind, name).path
        if known.resolve() == path.resolve():
            return registry, kind
    return discover([path]), kind


def resolve(card: Card, given: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Fill in the defaults and check the types.

    Returns all settings of the plugin as JSON values, and the problems as (setting, message).
    """
    problems = [
        (key, f"{unknown(card.kind + ' ' + repr(card.name) + ' has no setting', key, card.fields)}")
        for key in given
        if key not in card.fields
    ]
    settings: dict[str, Any] = {}
    for name, field in card.fields.items():
        value = given.get(name, field.default)
        if value is MISSING:
            problems.append((name, f"{card.kind} '{card.name}' needs this setting ({field.written})"))
            continue
        try:
            settings[name] = field.type.dump_python(
                field.type.validate_json(json.dumps(value, default=str), strict=True), mode="json"
            )
        except ValidationError as error:
            reason = worded(error.errors()[0]["msg"])
            problems.append((name, f"{value!r} is not {field.written}: {reason}"))
    return settings, problems


def worded(message: str) -> str:
    """What pydantic says of a value, as a condition on it."""
    return message.replace("Input should be", "must be")


def as_json(value: Any) -> Any:
    """A setting's value as it is written in a spec: tuples as lists."""
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """A sentence about an unknown name, with the closest known one, or two that it is a part of."""
    choices, given = sorted(set(known)), str(name).lower()
    around = [choice for choice in choices if len(given) > 2 and given in choice][:2]
    close = difflib.get_close_matches(given, choices, n=1, cutoff=0.5) or around
    hint = f"; did you mean {' or '.join(repr(choice) for choice in close)}?" if close else ""
    return f"{what} '{name}'{hint} (known: {', '.join(choices) or 'none'})"


def load(card: Card, settings: dict[str, Any]) -> Any:
    """Import the plugin and build it with its resolved settings. This is where torch comes in.

    A tuple setting travels as a JSON list and is turned back here.
    """
    plugin = getattr(_module(card), KINDS[card.kind][1])
    return plugin(**{key: _as_tuples(value) for key, value in settings.items()})


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


def _module(card: Card) -> ModuleType:
    if card.module:
        return importlib.import_module(card.module)
    name = f"ganbench_plugin_{card.kind}_{card.path.stem}"
    spec = importlib.util.spec_from_file_location(name, card.path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{card.path}: cannot be loaded as a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module
