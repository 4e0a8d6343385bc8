"""Plugins of installed packages, found by entry point without running a line of their code.

A package lists a plugin as `my-loss = "my_package.my_loss"` in the group `ganbench.losses` of its metadata. The entry
point names a module; its file is looked up on disk, because importing it, or the package around it, would run it.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

PREFIX = "ganbench."


@dataclass(frozen=True)
class Offer:
    """A plugin that a package offers. `package`: its name and version. `path` is None if there is no such file."""

    kind: str
    name: str
    package: str
    module: str
    path: Path | None


def offers(groups: Mapping[str, str]) -> list[Offer]:
    """What is installed, by group and name. `groups`: the kind that each group holds."""
    everything = entry_points()  # looks into every installed package, so once for all groups
    found = [point for group in groups for point in everything.select(group=group)]
    return [_offer(point, groups[point.group]) for point in sorted(found, key=lambda p: (p.group, p.name, p.value))]


def strangers(groups: Mapping[str, str]) -> dict[str, str]:
    """Groups that look like ganbench's and are not, with the package of each: most likely a slip."""
    odd = sorted(g for g in entry_points().groups if g.startswith(PREFIX) and g not in groups)
    return {group: ", ".join(sorted({_package(point) for point in entry_points(group=group)})) for group in odd}


def _offer(point: EntryPoint, kind: str) -> Offer:
    module = point.value.partition(":")[0].strip()
    return Offer(kind, point.name, _package(point), module, locate(module, ".yaml" if kind == "method" else ".py"))


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"


def locate(module: str, suffix: str) -> Path | None:
    """The file of a module, or of a YAML file in a module's place, wherever its package is installed."""
    first, *between = module.split(".")
    try:
        spec = importlib.util.find_spec(first)  # of a top-level name, this imports nothing
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not between:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(suffix) else None
    *folders, last = between
    for start in spec.submodule_search_locations or ():
        path = Path(start, *folders, f"{last}{suffix}")
        if path.is_file():
            return path
    return None
