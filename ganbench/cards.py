"""What one plugin file declares, read without running it.

One file is one plugin, and its name is the file's name (`wgan_gp.py` is `wgan-gp`). Reading parses the file
and never imports it, so that planning stays free of torch and a broken plugin cannot break a listing.
A plugin file defines one frozen dataclass named after its kind. Its annotated fields are the settings; its
`ClassVar`s are traits, facts that planning needs ("which kind of data does this architecture make?").
"""

import ast
import dataclasses
import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
)

from ganbench import traits

KINDS = {
    "dataset": ("datasets", "Dataset"),
    "architecture": ("architectures", "Architecture"),
    "loss": ("losses", "Loss"),
    "penalty": ("penalties", "Penalty"),
    "constraint": ("constraints", "Constraint"),
    "extractor": ("extractors", "Extractor"),
    "metric": ("metrics", "Metric"),
    "condition": ("conditions", "Condition"),
}

RESERVED = (
    "name", "label", "settings", "architectures", "training", "evaluation", "tuning", "samples", "extractor",
    "condition",
)  # fmt: skip
"""Keys of a study's entries; a plugin's setting of such a name could not be given."""

FILE = "file"
"""The source of a plugin that neither ganbench nor an installed package brings along."""

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
TYPE_SYNTAX = (
    *(ast.Expression, ast.Name, ast.Load, ast.Subscript, ast.Tuple),
    *(ast.BinOp, ast.BitOr, ast.Constant, ast.UnaryOp, ast.USub),
)
"""What the annotation of a setting may be written with: no attribute and no call, so that reading it runs nothing."""


class PluginError(Exception):
    """A plugin file that cannot be read; the message names the file, the line and the fix."""


@dataclass(frozen=True)
class Field:
    """One setting of a plugin: its type, also as written, its default (`MISSING` if it has none), and the string below
    it, which says what it is."""

    type: TypeAdapter[Any]
    written: str
    default: Any
    about: str = ""


MISSING: Any = dataclasses.MISSING


@dataclass(frozen=True)
class Card:
    """What a plugin file declares. `summary` is the file's first line, `about` the docstring of the class, `methods`
    the names of the functions in it. `module` is what to import, empty for a file that no package holds; `package`
    the name and version of the installed package, empty for the others."""

    kind: str
    name: str
    path: Path
    sha256: str
    summary: str
    about: str
    fields: dict[str, Field]
    traits: dict[str, Any]
    methods: frozenset[str]
    module: str = ""
    package: str = ""

    @property
    def recordable(self) -> bool:
        """Whether a step with it may be recorded and repeated: built-in plugins are tested, others say so."""
        return bool(self.traits.get("recordable", self.source == "built-in"))

    @property
    def source(self) -> str:
        """Where it comes from: built-in, a package with its version, or a file."""
        return source_of(self.package, bool(self.module))


def source_of(package: str, importable: bool) -> str:
    """Where a plugin comes from, in words: a package, built-in, or a file."""
    return f"package {package}" if package else "built-in" if importable else FILE


def name_of(path: Path) -> str:
    """The plugin's name: the file's, with hyphens."""
    return path.stem.replace("_", "-")


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
    by_class = {class_name: kind for kind, (_, class_name) in KINDS.items()}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in by_class]
    if len(classes) != 1 or (kind is not None and by_class[classes[0].name] != kind):
        wanted = [KINDS[kind][1]] if kind else sorted(by_class)
        raise PluginError(
            f"{path}: a plugin file defines exactly one of the classes {', '.join(wanted)}; found {len(classes)}"
        )
    body = classes[0]
    fields, declared = _declarations(body, path)
    about = ast.get_docstring(body) or ""
    card = Card(
        kind=by_class[body.name],
        name=name_of(path),
        path=path,
        sha256=hashlib.sha256(source).hexdigest(),
        summary=(ast.get_docstring(tree) or about).strip().split("\n", maxsplit=1)[0],
        about=" ".join(about.split()),
        fields=fields,
        traits=declared,
        methods=frozenset(node.name for node in body.body if isinstance(node, ast.FunctionDef)),
    )
    wrong = traits.problem(card.kind, declared, fields, card.methods, MISSING)
    if wrong:
        raise PluginError(f"{path}: {wrong}")
    return card


def _declarations(body: ast.ClassDef, path: Path) -> tuple[dict[str, Field], dict[str, Any]]:
    fields: dict[str, Field] = {}
    declared: dict[str, Any] = {}
    for node, following in itertools.zip_longest(body.body, body.body[1:]):
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
            declared[name] = value
            continue
        if name in RESERVED:
            raise PluginError(
                f"{path}: line {node.lineno}: '{name}' means something else in a study; rename the setting"
            )
        type_ = _adapter(written, f"{path}: line {node.lineno}: setting '{name}'")
        fields[name] = Field(type_, written, value, _string(following))
    return fields, declared


def _string(node: ast.stmt | None) -> str:
    """The text of a statement that is a string, as one line; empty for any other."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def _adapter(written: str, what: str) -> TypeAdapter[Any]:
    try:
        tree = ast.parse(written, mode="eval")
        if not all(isinstance(node, TYPE_SYNTAX) for node in ast.walk(tree)):
            raise TypeError("a type is made of names, brackets and bars")
        type_ = eval(compile(tree, what, "eval"), {"__builtins__": {}}, FIELD_TYPES)
        if isinstance(type_, (str, int, float)):
            raise TypeError("a value is not a type")
        return TypeAdapter(type_, config=ConfigDict(allow_inf_nan=False))
    except Exception as error:  # whatever a stranger's annotation may raise
        known = ", ".join(FIELD_TYPES)
        raise PluginError(f"{what} has type '{written}'; settings are built from {known}") from error
