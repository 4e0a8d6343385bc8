"""The contract of a recipe: complete on both kinds of data, and said whose it is."""

from ganbench import checks, yamlfile
from ganbench.method import KEYS
from ganbench.plugins import Registry
from ganbench.testing.material import demand


def complete(name: str, registry: Registry) -> None:
    """With its bases it is a full recipe for points and for images, of plugins and settings that exist."""
    found = checks.find({"methods": [name]}, registry)
    demand(
        not found, "; ".join(f"{problem.where.partition('.')[2] or 'recipe'}: {problem.message}" for problem in found)
    )


def described(name: str, registry: Registry) -> None:
    """It has a title and a citation, which the page prints."""
    recipe = yamlfile.read(registry.recipes[name])
    without = [key for key in ("title", "citation") if not recipe.get(key)]
    demand(not without, f"it has no {' and no '.join(without)} (keys of a recipe: {', '.join(sorted(KEYS))})")


CHECKS = (complete, described)
