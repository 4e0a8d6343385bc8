"""Pages of the docs that are made from the code: the study reference, and galleries of plugins and of methods.

`docs/hooks.py` puts them into the site when it is built, so they are never out of date. Imports no torch.
"""

import ast
import inspect
import itertools
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ganbench import method, paper, plugins, sections, show, study, yamlfile
from ganbench.cards import KINDS, Card
from ganbench.plugins import Registry

SECTIONS: dict[str, type[BaseModel]] = {
    "The study": study.Study,
    "An entry of `architectures`, `methods` or `extractors`": study.Entry,
    "An entry of `datasets`": study.DatasetEntry,
    "`training`": sections.Training,
    "`evaluation`": sections.Evaluation,
    "An entry of `metrics`": sections.MetricEntry,
    "A method": method.Method,
    **{f"Optimizer `{name}`": model for name, model in method.OPTIMIZER_KINDS.items()},
}
OF_A_PAPER: dict[str, type[BaseModel]] = {
    "`paper`": paper.Paper,
    "An entry of `columns`": paper.Column,
    "An entry of `rows`": paper.Row,
    "An entry of `values`": paper.Value,
    "A claim that is an order": paper.Order,
    "A claim of success": paper.Success,
    "A claim of more successes": paper.Lead,
    "An entry of `deviations`": paper.Deviation,
    "`budget`": paper.Budget,
}
BOUNDS = {Gt: "above {}", Ge: "at least {}", Lt: "below {}", Le: "at most {}"}
WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null", dict: "mapping"}


def pages() -> dict[str, str]:
    """All generated pages, by path."""
    registry = plugins.discover()
    built_in = {kind: [c for c in registry.cards[kind].values() if c.source == "built-in"] for kind in KINDS}
    found = {
        "reference/study.md": reference("Study reference", "[Studies](../study.md)", SECTIONS),
        "reference/paper.md": reference(
            "Reference of a published table", "[Published tables](../papers.md)", OF_A_PAPER
        ),
        "reference/methods.md": methods(registry),
    }
    return found | {f"reference/{KINDS[kind][0]}.md": kind_page(kind, cards) for kind, cards in built_in.items()}


def reference(head: str, explained: str, sections: dict[str, type[BaseModel]]) -> str:
    """A table of keys for each of some sections of a study file."""
    lines = [f"# {head}", "", f"Generated from the models that validate a study. {explained} explains."]
    for title, model in sections.items():
        lines += ["", f"## {title}", "", _paragraph(inspect.getdoc(model) or ""), ""]
        about = _field_docs(model)
        rows = []
        for name, field in model.model_fields.items():
            annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            rows.append((f"`{name}`", _type(annotation), _default(field.get_default()), about.get(name, "")))
        lines += _table(("Key", "Value", "Default", "Meaning"), rows)
    return "\n".join(lines) + "\n"


def methods(registry: Registry) -> str:
    """Every built-in recipe with its citation and its settings."""
    lines = ["# Methods", "", "Built-in recipes with the settings of their papers. Generated from `ganbench/methods/`."]
    for name in registry.names("method"):
        if registry.source("method", name) != "built-in":
            continue
        recipe = yamlfile.read(registry.recipes[name])
        lines += ["", f"## {name}", "", f"**{recipe['title']}.** {_paragraph(recipe['citation'])}", ""]
        points, images = (show.composed(registry, name, kind) for kind in ("points", "images"))
        keys = dict.fromkeys([*points, *images])
        rows = [(f"`{key}`", _code(points.get(key)), _code(images.get(key))) for key in keys]
        lines += _table(("Setting", "On points", "On images"), rows)
    return "\n".join(lines) + "\n"


def kind_page(kind: str, cards: Iterable[Card]) -> str:
    """Every built-in plugin of a kind with its settings."""
    folder = KINDS[kind][0]
    lines = [f"# {folder.capitalize()}", "", f"Generated from `ganbench/{folder}/`."]
    for card in sorted(cards, key=lambda card: card.name):
        lines += ["", f"## {card.name}", "", f"*{card.summary}*", "", _paragraph(card.about)]
        if "citation" in card.traits:
            lines += ["", f"Citation: {card.traits['citation']}"]
        if card.fields:
            rows = [(f"`{n}`", f"`{t}`", f"`{d}`", card.fields[n].about, s) for n, t, d, s in show.settings(card)]
            lines += ["", *_table(("Setting", "Type", "Default", "Meaning", "Tuned over"), rows)]
    return "\n".join(lines) + "\n"


def _field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The strings under the fields of a model and of those that it extends."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        tree = ast.parse(inspect.getsource(base))
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                found[field.target.id] = _paragraph(str(text.value.value))
    return found


def _type(annotation: Any) -> str:
    """A type in words: `list of whole numbers above 0, or null`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [BOUNDS[type(m)].format(_bound(m)) for m in arguments[1:] if type(m) in BOUNDS]
        return " ".join([_type(arguments[0]), " and ".join(bounds)]).strip()
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return ", or ".join(_type(argument) for argument in arguments)
    if origin is tuple:
        inner = [argument for argument in arguments if argument is not Ellipsis]
        return "list of " + " and ".join(f"({_type(argument)})" for argument in dict.fromkeys(inner))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    return WORDS.get(origin or annotation, str(annotation))


def _bound(bound: Any) -> Any:
    return next(getattr(bound, name) for name in ("gt", "ge", "lt", "le") if hasattr(bound, name))


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    return "" if isinstance(value, BaseModel) or value in ((), "", {}) else f"`{value}`".replace("None", "null")


def _code(value: Any) -> str:
    return "" if value is None else f"`{show.inline(value)}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]


def _paragraph(text: str) -> str:
    return " ".join(text.split())
