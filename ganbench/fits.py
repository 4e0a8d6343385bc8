"""What meets what: datasets their conditions, and both the architectures."""

from typing import Any

from ganbench import entries, plugins
from ganbench.cards import Card
from ganbench.entries import Named
from ganbench.plugins import Registry
from ganbench.problems import Problem


def condition(registry: Registry, entry: dict[str, Any], where: str) -> list[Problem]:
    """The name and settings of a dataset's condition."""
    chosen = entries.part(entry.get("condition"))
    if not isinstance(chosen, dict) or not isinstance(chosen.get("name"), str):
        return []  # there is none, or pydantic says what is wrong
    place, name = f"{where}.condition", chosen["name"]
    found = entries.problems_of(registry, "condition", place, name, chosen["settings"])
    if found or entry["name"] not in registry.cards["dataset"]:
        return found
    makes, dataset = registry.card("condition", name).traits["makes"], registry.card("dataset", entry["name"])
    if makes == "image" and dataset.traits["kind"] != "images":
        return [Problem(place, f"{name} makes an image of an image, {dataset.name} holds {dataset.traits['kind']}")]
    if makes == "text" and not dataset.traits.get("words"):
        return [Problem(place, f"{dataset.name} has no captions")]
    if makes == "class" and dataset.traits["kind"] == "points" and "mixture" not in dataset.methods:
        return [Problem(place, f"the points of {dataset.name} have no labels")]
    return []


def condition_of(entry: dict[str, Any], registry: Registry) -> Card | None:
    """The condition that a dataset's entry names; None if there is none of that name."""
    chosen = entries.part(entry.get("condition"))
    name = chosen.get("name") if isinstance(chosen, dict) else None
    return registry.cards["condition"].get(name) if isinstance(name, str) else None


def misfit(dataset: Card, settings: dict[str, Any], architecture: Card, condition: Card | None) -> str | None:
    """Why an architecture cannot make this data, for these conditions, or None."""
    kinds, sizes = architecture.traits["kinds"], architecture.traits.get("sizes")
    kind, size = dataset.traits["kind"], settings.get("size", dataset.traits.get("size"))
    if kind not in kinds:
        return f"{architecture.name} makes {' or '.join(kinds)}, {dataset.name} holds {kind}"
    if sizes and size not in sizes:
        possible = " or ".join(f"{s}x{s}" for s in sizes)
        return f"{architecture.name} makes images of {possible} pixels, {dataset.name} holds {size}x{size}"
    form, takes = condition.traits["makes"] if condition else None, architecture.traits.get("given", ())
    if takes and form not in takes:
        return f"{architecture.name} makes its samples from {' or '.join(takes)}, and there is none to go by"
    if form == "image" and form not in takes:
        return f"{architecture.name} does not take the image that {condition.name if condition else ''} gives"
    return None


def pairs(registry: Registry, datasets: list[Named], architectures: list[Named]) -> list[Problem]:
    """Pairs that were written down and cannot be; datasets and architectures that are left without a partner."""
    found: list[Problem] = []
    lonely = {where: entry for where, entry in architectures if entry["name"] in registry.cards["architecture"]}
    for where, entry in datasets:
        if entry["name"] not in registry.cards["dataset"]:
            return found  # the unknown dataset might be the partner
        card = registry.card("dataset", entry["name"])
        settings, _ = plugins.resolve(card, entries.settings_of(entry, entries.ENTRY_KEYS["datasets"]))
        asked = condition_of(entry, registry)
        if entry.get("condition") is not None and asked is None:
            return found  # with the right name, there might be a partner
        own = entries.well_formed(entry.get("architectures"), f"{where}.architectures")
        reasons = {}
        for place, architecture in own or architectures:
            if architecture["name"] not in registry.cards["architecture"]:
                continue
            reason = misfit(card, settings, registry.card("architecture", architecture["name"]), asked)
            if reason and own:
                found.append(Problem(place, f"'{architecture['name']}': {reason}"))
            elif reason:
                reasons[architecture["name"]] = reason
            else:
                lonely.pop(place, None)
        if reasons and len(reasons) == len(architectures):
            message = f"no architecture fits '{entry['name']}': {'; '.join(reasons.values())}"
            found.append(Problem(where, message))
    using = [where for where, entry in datasets if not entry.get("architectures")]
    if using and not found:
        message = "fits none of the datasets that use this list"
        found += [Problem(where, f"'{entry['name']}' {message}") for where, entry in lonely.items()]
    return found
