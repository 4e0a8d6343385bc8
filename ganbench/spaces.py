"""Search spaces: which values of a plugin's settings are worth trying, in plain literals.

    search: ClassVar[dict[str, tuple[Any, ...]]] = {
        "weight": ("log", 0.1, 100.0),        # between the bounds, evenly in the logarithm
        "reach": ("linear", 0.0, 1.0),        # between the bounds, evenly
        "depth": ("int", 1, 4),               # whole numbers, both bounds included
        "sided": ("choice", "one", "two"),    # one of these
    }

The space says where to look, not what is allowed: the type of the setting says that, and bounds it.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

SHAPES = ("log", "linear", "int", "choice")


class Typed(Protocol):
    """A setting: its type, and the type as written."""

    @property
    def type(self) -> TypeAdapter[Any]:
        """What validates a value."""

    @property
    def written(self) -> str:
        """The annotation."""


def problem(search: object, fields: Mapping[str, Typed]) -> str | None:
    """What is wrong with a search space, or None."""
    if not isinstance(search, dict):
        return f"`search` maps settings to tuples such as ('log', 0.1, 100.0); got {search!r}"
    for name, space in search.items():
        if name not in fields:
            return f"`search` names '{name}', which is no setting (settings: {', '.join(sorted(fields)) or 'none'})"
        wrong = _problem(space, fields[name])
        if wrong:
            return f"`search` of '{name}': {wrong}; got {space!r}"
    return None


def malformed(space: object) -> str | None:
    """What is wrong with a space itself, whatever it is of, or None."""
    if not isinstance(space, tuple) or not space or space[0] not in SHAPES:
        return f"a space begins with one of {', '.join(SHAPES)}"
    shape, *values = space
    if shape == "choice":
        return "a choice is between two values or more" if len(values) < 2 else None
    wanted = (int,) if shape == "int" else (int, float)
    if len(values) != 2 or not all(isinstance(v, wanted) and not isinstance(v, bool) for v in values):
        return f"'{shape}' takes two {'whole ' if shape == 'int' else ''}numbers, the lowest and the highest"
    low, high = values
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return "the lowest value is below the highest, and both are finite"
    if shape == "log" and low <= 0:
        return "on a logarithmic scale the lowest value is above 0"
    return None


def probes(space: tuple[Any, ...]) -> list[Any]:
    """Values of a well-formed space that stand for all of it: a value between the bounds must be possible too, as 0.5
    is between 0 and 1, and no int."""
    shape, *values = space
    if shape in ("choice", "int"):
        return values
    low, high = values
    return [low, high, low + (high - low) / math.pi]


def described(space: tuple[Any, ...]) -> str:
    """A space in words: `0.1 to 100.0, log`."""
    shape, *values = space
    if shape == "choice":
        return " or ".join(str(value) for value in values)
    return f"{values[0]} to {values[1]}, {shape}"


def _problem(space: object, field: Typed) -> str | None:
    wrong = malformed(space)
    if wrong or not isinstance(space, tuple):
        return wrong
    outside = [value for value in probes(space) if not _fits(value, field)]
    return f"{outside[0]!r} is not {field.written}" if outside else None


def _fits(value: Any, field: Typed) -> bool:
    try:
        field.type.validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError:
        return False
    return True
