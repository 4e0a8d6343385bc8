"""All checks of one plugin, as a list that a command prints and pytest runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from ganbench import cards, plugins
from ganbench.cards import Card, PluginError
from ganbench.plugins import Registry
from ganbench.testing import (
    architectures,
    conditions,
    constraints,
    datasets,
    extractors,
    losses,
    methods,
    metrics,
    penalties,
    trial,
)
from ganbench.testing.material import demand
from ganbench.testing.trial import STEPS

OF_KIND: dict[str, ModuleType] = {
    "dataset": datasets,
    "architecture": architectures,
    "loss": losses,
    "penalty": penalties,
    "constraint": constraints,
    "extractor": extractors,
    "metric": metrics,
    "condition": conditions,
}


@dataclass(frozen=True)
class Check:
    """One clause of the contract. Calling it raises ContractError if the plugin breaks it, unittest.SkipTest if it
    cannot be told here, or what the plugin itself raises."""

    name: str
    says: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Check."""
        self.run()

    def __str__(self) -> str:
        return self.name


def checks(plugin: str | Path | Card, settings: Mapping[str, Any] | None = None, steps: int = STEPS) -> list[Check]:
    """The contract of a plugin: a card, or a file, `.py` or a recipe's `.yaml`. The settings are its defaults, but for
    those given. `steps`: how long it trains in the last check.

    Raises PluginError for a file that is no plugin, and for settings that it does not have.
    """
    if not isinstance(plugin, Card):
        path = Path(plugin).resolve()
        registry, kind = plugins.knowing(path)
        if kind == "method":
            known = registry.source(kind, cards.name_of(path)) != cards.FILE
            return recipe_checks(cards.name_of(path), registry, None if known else path, steps)
        plugin = registry.card(kind, cards.name_of(path))
    resolved, problems = plugins.resolve(plugin, dict(settings or {}))
    if problems:
        said = "; ".join(f"{key}: {message}" for key, message in problems)
        raise PluginError(f"{plugin.path}: the contract cannot be checked with these settings: {said}")
    built = Once(plugin, resolved)
    found = [Check("documented", _says(documented), partial(documented, plugin))]
    found += [_check(function, partial(_on, function, built)) for function in OF_KIND[plugin.kind].CHECKS]
    return [*found, *_trials(plugin, resolved, steps)]


def recipe_checks(name: str, registry: Registry, path: Path | None = None, steps: int = STEPS) -> list[Check]:
    """The contract of a recipe of this registry. `path`: its file, if it is neither built-in nor installed."""
    found = [_check(function, partial(function, name, registry)) for function in methods.CHECKS]

    def train() -> None:
        trial.trains(trial.of_method(name, registry, path, steps))

    where = _on_images(steps) if trial.wants_truth(name, registry) else f"{steps} steps on ring8"
    return [*found, Check(where, _says(trial.trains), train)]


def documented(card: Card) -> None:
    """It says what it is, and what each of its settings is: in a string below the setting, or in the class's text."""
    demand(bool(card.about), f"class {cards.KINDS[card.kind][1]} has no docstring")
    bare = [name for name, field in card.fields.items() if not field.about and name not in card.about]
    demand(not bare, f"nothing says what {', '.join(bare)} is; put a string below it, or name it in the class's text")


class Once:
    """A plugin that is loaded when it is first asked for, so that a broken one fails its checks and not their list."""

    def __init__(self, card: Card, settings: dict[str, Any]) -> None:
        self._card, self._settings = card, settings
        self._built: Any = None

    def __call__(self) -> Any:
        """The plugin."""
        if self._built is None:
            self._built = plugins.load(self._card, self._settings)
        return self._built


def _on(function: Callable[[Any], None], built: Once) -> None:
    function(built())


def _check(function: Callable[..., None], run: Callable[[], None]) -> Check:
    return Check(function.__name__.replace("_", " "), _says(function), run)


def _trials(card: Card, settings: dict[str, Any], steps: int) -> list[Check]:
    """Training with it, for the kinds that take part in training."""
    repeats = Check("repeats when recorded", _says(trial.records), partial(trial.records, card, settings))
    recordable = [repeats] if card.recordable else []
    if card.kind in ("loss", "penalty", "constraint"):
        name = f"{steps} steps on ring8"
        learns = Check(name, _says(trial.learns), lambda: trial.learns(trial.of_part(card, settings, steps)))
        return [*recordable, learns]
    if card.kind == "architecture":
        points = "points" in card.traits["kinds"]
        name = f"{steps} steps on ring8" if points else _on_images(steps)
        train = partial(trial.of_architecture, card, settings, steps)
        recordable = recordable if points and not card.traits.get("given") else []
        return [*recordable, Check(name, _says(trial.trains), lambda: trial.trains(train()))]
    if card.kind == "condition":
        under = partial(trial.of_condition, card, settings, steps)
        return [Check(_on_images(steps), _says(trial.trains), lambda: trial.trains(under()))]
    return []


def _on_images(steps: int) -> str:
    return f"{max(1, steps // 10)} steps on images"


def _says(function: Callable[..., None]) -> str:
    return (function.__doc__ or "").strip()
