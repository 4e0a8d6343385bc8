"""`ganbench list` and `ganbench show`: what there is, and what is known of one plugin, without importing torch."""

import textwrap
from pathlib import Path
from typing import Any

from ganbench import cards, method, plugins, spaces, yamlfile
from ganbench.cards import Card
from ganbench.plugins import KINDS_AND_METHOD, Registry

WIDTH = 100
TRAITS_IN_WORDS = ("search", "title", "citation", "floor")


class ShowError(Exception):
    """A name that no plugin has, or several; a sentence."""


def listing(registry: Registry, kind: str | None) -> str:
    """Names and first lines, by kind; and what is installed but cannot be used."""
    lines = []
    for of in [kind] if kind else KINDS_AND_METHOD:
        lines.append(f"{of}:")
        for name in registry.names(of):
            source = registry.source(of, name)
            lines.append(f"  {name:24} {summary(registry, of, name)}{'' if source == 'built-in' else f'  [{source}]'}")
        lines += [f"  {b.name:24} CANNOT BE USED: {b.message}" for b in registry.broken if b.kind == of]
    return "\n".join(lines)


def summary(registry: Registry, kind: str, name: str) -> str:
    """One line about a plugin."""
    if kind == "method":
        return str(yamlfile.read(registry.recipes[name]).get("title", ""))
    return registry.card(kind, name).summary


def described(registry: Registry, name: str, kind: str | None = None) -> str:
    """All about one plugin. Raises ShowError for a name that is not known, or that several kinds have."""
    kinds = [kind] if kind else [of for of in KINDS_AND_METHOD if name in registry.names(of)]
    if len(kinds) > 1:
        said = " or ".join(f"`ganbench show {name} --kind {of}`" for of in kinds)
        raise ShowError(f"'{name}' is a {' and a '.join(kinds)}; say which: {said}")
    if not kinds:
        broken = [b for b in registry.broken if b.name == name]
        if broken:
            raise ShowError("; ".join(registry.missing(b.kind, name) for b in broken))
        known = {known for of in KINDS_AND_METHOD for known in registry.names(of)}
        raise ShowError(plugins.unknown("no plugin is called", name, known))
    if name not in registry.names(kinds[0]):
        raise ShowError(registry.missing(kinds[0], name))
    return _recipe(registry, name) if kinds[0] == "method" else _card(registry.card(kinds[0], name))


def settings(card: Card) -> list[tuple[str, str, str, str]]:
    """Each setting: its name, its type, its default, and where tuning looks for it."""
    search = card.traits.get("search", {})
    return [
        (
            name,
            field.written,
            "required" if field.default is cards.MISSING else repr(field.default),
            spaces.described(search[name]) if name in search else "",
        )
        for name, field in card.fields.items()
    ]


def composed(registry: Registry, name: str, kind: str) -> dict[str, Any]:
    """A recipe with all that it stands on, on one kind of data, each part with all its settings."""
    recipe = method.compose([*method.layers(registry, name)], kind)
    for part in method.PARTS:
        chosen = recipe.get(part)
        if isinstance(chosen, dict) and chosen.get("name") in registry.cards[part]:
            given = {key: value for key, value in chosen.items() if key != "name"}
            full, _ = plugins.resolve(registry.card(part, chosen["name"]), given)
            recipe[part] = {"name": chosen["name"], **full}
    return recipe


def _card(card: Card) -> str:
    title = card.traits.get("title")
    lines = [f"{card.kind} {card.name}{f' ({title})' if title else ''}", "", _wrapped(card.about or card.summary)]
    if "citation" in card.traits:
        lines += ["", _wrapped(f"Citation: {card.traits['citation']}")]
    if "floor" in card.traits:
        lines += ["", _wrapped(f"Floor: {card.traits['floor']}")]
    lines += ["", "Settings:" if card.fields else "Settings: none"]
    for name, written, default, space in settings(card):
        lines.append(f"  {name}: {written} = {default}{f'    [search: {space}]' if space else ''}")
        lines += [f"      {line}" for line in textwrap.wrap(card.fields[name].about, WIDTH - 6)]
    traits = {key: value for key, value in card.traits.items() if key not in TRAITS_IN_WORDS}
    if traits:
        lines += ["", "Traits:", *(f"  {key}: {value!r}" for key, value in traits.items())]
    return "\n".join([*lines, "", *_origin(card.source, card.path), f"sha256:  {card.sha256}"])


def _recipe(registry: Registry, name: str) -> str:
    path = registry.recipes[name]
    recipe = yamlfile.read(path)
    lines = [f"method {name} ({recipe.get('title', 'no title')})", ""]
    lines += [_wrapped(f"Citation: {recipe.get('citation', 'none')}"), ""]
    base = recipe.get("base")
    lines += [f"Based on {base}.", ""] if base else []
    both = {kind: composed(registry, name, kind) for kind in ("points", "images")}
    for kind, of in both.items() if both["points"] != both["images"] else [("points and images", both["points"])]:
        lines.append(f"On {kind}:")
        lines += [f"  {key}: {inline(value)}" for key, value in of.items()]
        lines.append("")
    return "\n".join([*lines, *_origin(registry.source("method", name), path)])


def _origin(source: str, path: Path) -> list[str]:
    return [f"Source:  {source}", f"File:    {path}"]


def inline(value: Any) -> str:
    """A value as a study writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(inner) for inner in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH))
