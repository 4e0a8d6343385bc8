"""Entries of a study as they are written: a plugin by its name, or a mapping with its settings inline."""

from collections.abc import Sequence
from typing import Any

from ganbench import plugins
from ganbench.plugins import Registry
from ganbench.problems import Problem

ENTRY_KEYS: dict[str, tuple[str, ...]] = {
    "datasets": ("name", "label", "condition", "architectures", "training", "evaluation", "tuning"),
    "architectures": ("name", "label"),
    "methods": ("name", "label"),
    "extractors": ("name", "label"),
    "metrics": ("name", "samples", "extractor"),
}
"""The keys of an entry that are the study's; all others are the plugin's settings."""

Named = tuple[str, dict[str, Any]]
"""A well-formed entry with its key path."""


def settings_of(entry: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The plugin's own keys of an entry."""
    return {key: value for key, value in entry.items() if key not in keys}


def part(given: Any) -> Any:
    """A plugin as a study names it, by its name or with its settings inline, with these gathered; what is neither stays
    as it is."""
    named = {"name": given} if isinstance(given, str) else given
    if not isinstance(named, dict) or "name" not in named:
        return given
    return {"name": named["name"], "settings": settings_of(named, ("name",))}


def well_formed(section: Any, where: str) -> list[Named]:
    """The well-formed entries of a section."""
    listed = section if isinstance(section, list) else []
    full = [{"name": item} if isinstance(item, str) else item for item in listed]
    return [
        (f"{where}[{index}]", item)
        for index, item in enumerate(full)
        if isinstance(item, dict) and isinstance(item.get("name"), str)
    ]


def problems_of(registry: Registry, kind: str, where: str, name: str, settings: dict[str, Any]) -> list[Problem]:
    """What is wrong with a plugin's name and settings."""
    if name not in registry.cards[kind]:
        return [Problem(where, registry.missing(kind, name))]
    _, found = plugins.resolve(registry.card(kind, name), settings)
    return [Problem(f"{where}.{key}", message) for key, message in found]
