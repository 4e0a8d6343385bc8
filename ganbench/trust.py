"""Whose code may run: a plugin is code, and a study names plugins.

Reading a study runs nothing: plugin files are only parsed. What trains and measures asks here first. The folder that
one works in is trusted, as its Snakefile is; what a study reaches outside of it is run only if the user has said so.
"""

import os
from pathlib import Path

from ganbench.cards import FILE
from ganbench.plugins import Registry

VARIABLE = "GANBENCH_ALLOW_PLUGINS"
"""Further folders whose plugins may run, separated as in PATH."""


class UntrustedError(Exception):
    """Plugin files that lie where the user did not allow any; the message says how to allow them."""


def demand(registry: Registry) -> None:
    """Raises UntrustedError if a plugin file lies, links followed, outside the current folder and those of VARIABLE."""
    if outside := [path for path in files(registry) if not is_allowed(path)]:
        folders = os.pathsep.join(dict.fromkeys(str(path.resolve().parent) for path in outside))
        raise UntrustedError(
            f"a plugin is code, and {', '.join(map(str, outside))} would be run from outside of {Path.cwd()}, the "
            f"folder that you work in. If you have read and trust it: {VARIABLE}={folders}"
        )


def is_allowed(path: Path) -> bool:
    """Whether a plugin file lies, links followed, in the current folder or in one of VARIABLE, or below."""
    listed = [Path(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
    roots = [root.expanduser().resolve() for root in (Path.cwd(), *listed)]
    return any(path.resolve().is_relative_to(root) for root in roots)


def files(registry: Registry) -> list[Path]:
    """The files of code that the study itself brings along."""
    cards = (card for of in registry.cards.values() for card in of.values())
    return [card.path for card in cards if card.source == FILE]
