"""Traits: the facts about a plugin that planning needs, declared as `ClassVar`s in its class."""

import re
from collections.abc import Mapping, Set
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from ganbench import spaces
from ganbench.spaces import Typed

Kind = Literal["points", "images"]
Fact = Literal["modes", "classes", "logits", "training", "labels", "truth", "again", "captions", "attributes"]
"""What a metric may need beyond features: known modes, the dataset's own classes, logits of any classifier, the
training split; of conditional runs the class that a sample was made for (`labels`) or its words (`captions`), the true
sample of its condition (`truth`), and a second sample for it (`again`); and what an extractor reads in images, one
head per `attributes`."""

Form = Literal["class", "image", "text"]
"""What a condition is: the class of a sample, an image that it is made from, or words that say what it shows."""

Way = Literal["projection", "classifier", "normalisation"]
"""Ways to condition that ask more of an architecture than concatenation."""

SHORT = re.compile(r"[A-Za-z0-9-]+")
EXTRACTOR_FORMS = frozenset({"trained", "pretrained", "fixed"})
"""An extractor is trained on each dataset, comes with a file of weights, or has none."""

TRAITS: dict[str, dict[str, Any]] = {
    "dataset": {"kind": Kind},
    "architecture": {"kinds": tuple[Kind, ...]},
    "condition": {"makes": Form},
    "extractor": {"provides": tuple[Fact, ...]},
    "metric": {
        "kinds": tuple[Kind, ...],
        "needs": tuple[Fact, ...],
        "short": str,
        "title": str,
        "direction": Literal["lower", "higher", "none"],
        "unit": str,
        "range": str,
        "floor": str,
        "minimum": int,
        "citation": str,
        "order": int,
    },
}
"""Traits that a plugin of a kind must declare. Any plugin may have `search`, see `ganbench.spaces`."""

OPTIONAL: dict[str, dict[str, Any]] = {
    "architecture": {"given": tuple[Form, ...], "conditions": tuple[Way, ...], "recordable": bool},
    "dataset": {"words": tuple[str, ...]},
    "condition": {"baseline": str},
    "loss": {"recordable": bool},
    "penalty": {"recordable": bool},
    "constraint": {"recordable": bool},
}
"""Traits that a plugin of a kind may declare: the conditions that an architecture's own networks take, and need; and
the ways of conditioning that it has. The words of a dataset's captions. The name of what a condition offers without
learning (its method `trivial`). Whether a step may be recorded on a GPU and repeated."""


def problem(
    kind: str, traits: Mapping[str, Any], fields: Mapping[str, Typed], methods: Set[str], missing: object
) -> str | None:
    """What keeps planning from relying on a plugin's traits, or None. `missing` stands for a trait without value."""
    wanted = TRAITS.get(kind, {})
    if kind == "dataset" and traits.get("kind") == "images":
        wanted = {**wanted, "classes": int, "classifier_epochs": int, "accuracy_gate": float}
    if kind == "extractor" and "pretrained" in methods:
        wanted = {**wanted, **dict.fromkeys(("weights_url", "weights_file", "weights_sha256", "weights_variable"), str)}
        if "weights" not in fields:
            return 'an extractor with weights has a setting `weights: str = ""`, their path'
    may = {name: type_ for name, type_ in OPTIONAL.get(kind, {}).items() if name in traits}
    lacking = {name: type_ for name, type_ in {**wanted, **may}.items() if not _is(traits.get(name, missing), type_)}
    if lacking:
        declared = (f"`{name}: ClassVar[{_written(type_)}] = ...`" for name, type_ in lacking.items())
        return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} declares {', '.join(declared)}"
    if kind == "metric" and not SHORT.fullmatch(traits["short"]):
        return "the short name of a metric has letters, digits and hyphens only"
    if kind == "extractor" and len(methods & EXTRACTOR_FORMS) != 1:
        return f"an extractor has exactly one of the methods {', '.join(sorted(EXTRACTOR_FORMS))}"
    if kind == "architecture" and "noise_dim" not in fields:
        return "an architecture has a setting `noise_dim: PositiveInt`"
    if not isinstance(traits.get("packs", False), bool):
        return f"`packs` is True or False, not {traits['packs']!r}: whether it works where runs are trained together"
    if kind == "penalty" and traits.get("scale") not in (None, *fields):
        return f"`scale` names the setting that multiplies the penalty, and '{traits['scale']}' is none"
    return spaces.problem(traits["search"], fields) if "search" in traits else None


def _is(value: object, type_: Any) -> bool:
    """Whether a trait's value is of its type; an integer is a float, too."""
    try:
        TypeAdapter(type_).validate_python(value, strict=type_ is not float)
    except ValidationError:
        return False
    return True


def _written(type_: Any) -> str:
    """A type as a plugin file writes it."""
    return type_.__name__ if isinstance(type_, type) and not get_args(type_) else str(type_).replace("typing.", "")
