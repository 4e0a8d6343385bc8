"""Problems of a study: where, and what is wrong; and pydantic's errors in those words."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from ganbench.plugins import unknown, worded


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a study: the path of the key, and what is wrong with its value."""

    where: str
    message: str


class StudyError(Exception):
    """A study that cannot run: the file and every problem found in it."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {p.where}: {p.message}" for p in problems)]))


class KnownKeys(Protocol):
    """The valid keys of the mapping that a key path leads to."""

    def __call__(self, path: list[str | int], tag: str | None, /) -> Iterable[str]:
        """`tag` names the member of a union, such as `rmsprop` of the optimizers."""


def readable(error: ValidationError, raw: Any, known_keys: KnownKeys, tags: Container[object] = ()) -> list[Problem]:
    """Pydantic's errors with key path, value, and the closest valid key. `tags` are union members in its paths."""
    found = []
    for item in error.errors(include_url=False, include_context=False):
        path = [part for part in item["loc"] if part not in tags]
        tag = next((str(part) for part in item["loc"] if part in tags), None)
        given, value = _at(raw, path)
        if item["type"] == "extra_forbidden":
            message = unknown(f"unknown key (value {value!r}):", path[-1], known_keys(path, tag))
        elif item["type"] == "missing":
            message = "this key is required" if isinstance(path[-1], str) else "a value is missing here"
        elif item["type"] == "too_short" and isinstance(value, list) and value:
            continue  # an item of the list was refused, which has a problem of its own
        else:
            message = f"{value!r}: {worded(item['msg'])}" if given else worded(item["msg"])
        found.append(Problem(key_path(path), message))
    return found


def key_path(parts: Iterable[str | int]) -> str:
    """`("methods", 1, "name")` as `methods[1].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "file"


def _at(raw: Any, path: list[str | int]) -> tuple[bool, Any]:
    """Whether there is a value at a path, and the value."""
    value = raw
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False, None
    return True, value
