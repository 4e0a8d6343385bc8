"""Find plugins, read what they declare, load them.

One file is one plugin, and its name is the file's name (`wgan_gp.py` is `wgan-gp`). Reading parses the file
and never imports it, so that planning stays free of torch and a broken plugin cannot break a listing.
A plugin file defines one frozen dataclass named after its kind. Its annotated fields are the settings; its
`ClassVar`s are traits, facts that planning needs ("which kind of data does this architecture make?").
"""

import ast
import dataclasses
import difflib
import hashlib
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

KINDS = {
    "dataset": ("datasets", "Dataset"),
    "architecture": ("architectures", "Architecture"),
    "loss": ("losses", "Loss"),
    "penalty": ("penalties", "Penalty"),
    "constraint": ("constraints", "Constraint"),
    "extractor": ("extractors", "Extractor"),
    "metric": ("metrics", "Metric"),
}
METHODS = "methods"

Kind = Literal["points", "images"]
Fact = Literal["modes", "classes", "logits", "training", "labels"]
"""What a metric may need beyond features: known modes, the dataset's own classes, logits of any classifier, the
training split, and labels of the generated samples."""

SHORT = re.compile(r"[A-Za-z0-9-]+")
EXTRACTOR_FORMS = frozenset({"trained", "pretrained", "fixed"})
"""An extractor is trained on each dataset, comes with a file of weights, or has none."""

TRAITS: dict[str, dict[str, Any]] = {
    "dataset": {"kind": Kind},
    "architecture": {"kinds": tuple[Kind, ...]},
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
"""Traits that a plugin of a kind must declare."""

RESERVED = ("name", "label", "settings", "architectures", "training", "evaluation", "samples", "extractor")
"""Keys of a study's entries; a plugin's setting of such a name could not be given."""

FIELD_TYPES: dict[str, Any] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "tuple": tuple,
    "Literal": Literal,
    "PositiveInt": PositiveInt,
    "PositiveFloat": PositiveFloat,
    "NonNegativeInt": NonNegativeInt,
    "NonNegativeFloat": NonNegativeFloat,
}


class PluginError(Exception):
    """A plugin file that cannot be read; the message names the file, the line and the fix."""


@dataclass(frozen=True)
class Field:
    """One setting of a plugin: its type as written, and its default (`MISSING` if it has none)."""

    type: TypeAdapter[Any]
    written: str
    default: Any


MISSING: Any = dataclasses.MISSING


@dataclass(frozen=True)
class Card:
    """What a plugin file declares. `summary` is the file's first line, `about` the docstring of the class, `methods`
    the names of the functions in it."""

    kind: str
    name: str
    path: Path
    sha256: str
    summary: str
    about: str
    fields: dict[str, Field]
    traits: dict[str, Any]
    methods: frozenset[str]


@dataclass(frozen=True)
class Registry:
    """All plugins a study can name: cards by kind and name, and the paths of the method recipes."""

    cards: dict[str, dict[str, Card]]
    recipes: dict[str, Path]

    def card(self, kind: str, name: str) -> Card:
        """The card of a known plugin; KeyError otherwise (validation has named it before)."""
        return self.cards[kind][name]

    def names(self, kind: str) -> list[str]:
        """The names of one kind, sorted; `method` is a kind here."""
        return sorted(self.recipes if kind == "method" else self.cards[kind])


def discover(files: Sequence[Path] = ()) -> Registry:
    """Read the built-in plugins and the given plugin files."""
    here = Path(__file__).parent
    cards: dict[str, dict[str, Card]] = {kind: {} for kind in KINDS}
    for kind, (folder, _) in KINDS.items():
        for path in sorted((here / folder).glob("[!_]*.py")):
            _add(cards, read_card(path, kind))
    for path in files:
        _add(cards, read_card(path))
    return Registry(cards, {path.stem: path for path in sorted((here / METHODS).glob("*.yaml"))})


def _add(cards: dict[str, dict[str, Card]], card: Card) -> None:
    known = cards[card.kind].setdefault(card.name, card)
    if known is not card:
        raise PluginError(f"{card.path}: {card.kind} '{card.name}' exists already in {known.path}; rename the file")
    for other in cards["metric"].values() if card.kind == "metric" else ():
        shared = {card.name, card.traits["short"]} & {other.name, other.traits["short"]}
        if other is not card and shared:
            raise PluginError(f"{card.path}: the name '{min(shared)}' belongs to '{other.name}'; choose another")


def read_card(path: Path, kind: str | None = None) -> Card:
    """Parse one plugin file. Its kind follows from the class that it defines.

    Raises PluginError when the file is missing, is not Python, or declares no plugin.
    """
    try:
        source = path.read_bytes()
        tree = ast.parse(source)
    except OSError as error:
        raise PluginError(f"{path}: cannot read this plugin file: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise PluginError(f"{path}: line {line}: not valid Python: {error}") from error
    kind_of = {class_name: kind for kind, (_, class_name) in KINDS.items()}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in kind_of]
    if len(classes) != 1 or (kind is not None and kind_of[classes[0].name] != kind):
        wanted = [KINDS[kind][1]] if kind else sorted(kind_of)
        raise PluginError(
            f"{path}: a plugin file defines exactly one of the classes {', '.join(wanted)}; found {len(classes)}"
        )
    body = classes[0]
    fields, traits = _declarations(body, path)
    about = ast.get_docstring(body) or ""
    card = Card(
        kind=kind_of[body.name],
        name=path.stem.replace("_", "-"),
        path=path,
        sha256=hashlib.sha256(source).hexdigest(),
        summary=(ast.get_docstring(tree) or about).strip().split("\n", maxsplit=1)[0],
        about=" ".join(about.split()),
        fields=fields,
        traits=traits,
        methods=frozenset(node.name for node in body.body if isinstance(node, ast.FunctionDef)),
    )
    _check_traits(card)
    return card


def _declarations(body: ast.ClassDef, path: Path) -> tuple[dict[str, Field], dict[str, Any]]:
    fields: dict[str, Field] = {}
    traits: dict[str, Any] = {}
    for node in body.body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        name, written = node.target.id, ast.unparse(node.annotation)
        try:
            value = MISSING if node.value is None else ast.literal_eval(node.value)
        except (ValueError, TypeError) as error:
            raise PluginError(
                f"{path}: line {node.lineno}: the value of '{name}' must be a plain literal, "
                f"because planning reads it without running the file"
            ) from error
        if written.startswith("ClassVar"):
            traits[name] = value
            continue
        if name in RESERVED:
            raise PluginError(
                f"{path}: line {node.lineno}: '{name}' means something else in a study; rename the setting"
            )
        fields[name] = Field(_adapter(written, f"{path}: line {node.lineno}: setting '{name}'"), written, value)
    return fields, traits


def _adapter(written: str, what: str) -> TypeAdapter[Any]:
    try:
        type_ = eval(written, {"__builtins__": {}}, FIELD_TYPES)
        if isinstance(type_, (str, int, float)):
            raise TypeError("a value is not a type")
        return TypeAdapter(type_, config=ConfigDict(allow_inf_nan=False))
    except Exception as error:  # whatever a stranger's annotation may raise
        known = ", ".join(FIELD_TYPES)
        raise PluginError(f"{what} has type '{written}'; settings are built from {known}") from error


def _check_traits(card: Card) -> None:
    """Planning relies on some traits. Raises PluginError."""
    wanted = TRAITS.get(card.kind, {})
    if card.kind == "dataset" and card.traits.get("kind") == "images":
        wanted = {**wanted, "classes": int, "classifier_epochs": int, "accuracy_gate": float}
    if card.kind == "extractor" and "pretrained" in card.methods:
        wanted = {**wanted, **dict.fromkeys(("weights_url", "weights_file", "weights_sha256", "weights_variable"), str)}
        if "weights" not in card.fields:
            raise PluginError(f'{card.path}: an extractor with weights has a setting `weights: str = ""`, their path')
    for name, type_ in wanted.items():
        try:
            TypeAdapter(type_).validate_python(card.traits.get(name, MISSING), strict=type_ is not float)
        except ValidationError as error:
            raise PluginError(f"{card.path}: a {card.kind} declares `{name}: ClassVar[...] = ...`: {type_}") from error
    if card.kind == "metric" and not SHORT.fullmatch(card.traits["short"]):
        raise PluginError(f"{card.path}: the short name of a metric has letters, digits and hyphens only")
    if card.kind == "extractor" and len(card.methods & EXTRACTOR_FORMS) != 1:
        forms = ", ".join(sorted(EXTRACTOR_FORMS))
        raise PluginError(f"{card.path}: an extractor has exactly one of the methods {forms}")
    if card.kind == "architecture" and "noise_dim" not in card.fields:
        raise PluginError(f"{card.path}: an architecture has a setting `noise_dim: PositiveInt`")


def resolve(card: Card, given: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Fill in the defaults and check the types.

    Returns all settings of the plugin as JSON values, and the problems as (setting, message).
    """
    problems = [
        (key, f"{unknown(card.kind + ' ' + repr(card.name) + ' has no setting', key, card.fields)}")
        for key in given
        if key not in card.fields
    ]
    settings: dict[str, Any] = {}
    for name, field in card.fields.items():
        value = given.get(name, field.default)
        if value is MISSING:
            problems.append((name, f"{card.kind} '{card.name}' needs this setting ({field.written})"))
            continue
        try:
            settings[name] = field.type.dump_python(
                field.type.validate_json(json.dumps(value, default=str), strict=True), mode="json"
            )
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            problems.append((name, f"{value!r} is not {field.written}: {reason}"))
    return settings, problems


def as_json(value: Any) -> Any:
    """A setting's value as it is written in a spec: tuples as lists."""
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """A sentence about an unknown name, with the closest known one."""
    choices = sorted(known)
    close = difflib.get_close_matches(str(name).lower(), choices, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{what} '{name}'{hint} (known: {', '.join(choices) or 'none'})"


def load(card: Card, settings: dict[str, Any]) -> Any:
    """Import the plugin and build it with its resolved settings. This is where torch comes in.

    A tuple setting travels as a JSON list and is turned back here.
    """
    plugin = getattr(_module(card), KINDS[card.kind][1])
    return plugin(**{key: _as_tuples(value) for key, value in settings.items()})


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


def _module(card: Card) -> ModuleType:
    folder = Path(__file__).parent / KINDS[card.kind][0]
    if card.path.parent == folder:
        return importlib.import_module(f"ganbench.{KINDS[card.kind][0]}.{card.path.stem}")
    name = f"ganbench_plugin_{card.kind}_{card.path.stem}"
    spec = importlib.util.spec_from_file_location(name, card.path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{card.path}: cannot be loaded as a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module
