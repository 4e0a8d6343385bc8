"""`ganbench check` of a plugin: each check with its outcome."""

import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ganbench import cards, plugins
from ganbench.cards import PluginError
from ganbench.testing.contract import Check, checks
from ganbench.testing.material import ContractError


def check(path: Path, given: Sequence[str] = ()) -> int:
    """Run the contract of a plugin file and print a line per check. Returns 0 if none failed, else 1.

    `given`: settings as `key=value`. Raises PluginError.
    """
    registry, kind = plugins.knowing(path)
    name = cards.name_of(path)
    print(f"{path}: {kind} '{name}' ({registry.source(kind, name)})")
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    for clause in checks(path, _settings(given)):
        outcome, reason = _outcome(clause)
        counts[outcome] += 1
        print(f"  {outcome:8} {clause.name}: {reason or clause.says}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) + ".")
    return 1 if counts["FAILED"] else 0


def _outcome(clause: Check) -> tuple[str, str]:
    try:
        clause()
    except unittest.SkipTest as reason:
        return "skipped", str(reason)
    except ContractError as error:
        return "FAILED", str(error)
    except Exception as error:  # whatever a stranger's code may raise
        return "FAILED", f"raises {type(error).__name__}: {error}"
    return "ok", ""


def _settings(given: Sequence[str]) -> dict[str, Any]:
    found = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals:
            raise PluginError(f"--set {item}: settings are given as KEY=VALUE")
        found[key] = yaml.safe_load(value)
    return found
