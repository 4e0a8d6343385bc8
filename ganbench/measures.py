"""Metrics with their protocol. The name of a column is the protocol: `fd_digits-cnn_10k` is the Fréchet distance on
features of `digits-cnn` from 10,000 generated samples, `hq_rule=box_2500` the high-quality share by the box rule.

A study may ask for a metric by its plugin's name, by such a column name, or as a mapping with settings.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ganbench import plugins
from ganbench.cards import Card
from ganbench.plugins import Registry

COUNT = re.compile(r"([0-9]{1,9})(k?)")
SPLITS = ("test", "validation")
ELSEWHERE = {"fid": "fd", "kid": "kd"}
"""Names that the field has for a metric on Inception's features, and the metric's own."""


class MeasureError(Exception):
    """A name of a metric that cannot be read; a sentence."""


@dataclass(frozen=True)
class Measure:
    """A metric as a dataset is measured by it. `extractor`: the label of what makes its features; None for points.
    `split`: the real data that it compares with, `test` or, over training, `validation`."""

    card: Card
    settings: dict[str, Any]
    samples: int
    extractor: str | None
    split: str = "test"

    @property
    def name(self) -> str:
        """The name that encodes the protocol; settings appear where they are not the plugin's defaults."""
        split = "" if self.split == "test" else f"_{self.split}"
        return f"{self.stem}{split}_{count_text(self.samples)}"

    @property
    def stem(self) -> str:
        """The name without split and number of samples: the same metric on other samples."""
        defaults = {key: field.default for key, field in self.card.fields.items()}
        changed = [
            f"{key.replace('_', '-')}={_written(value)}"
            for key, value in self.settings.items()
            if plugins.as_json(value) != plugins.as_json(defaults[key])
        ]
        return "_".join([self.card.traits["short"], *([self.extractor] if self.extractor else []), *changed])

    @property
    def spec(self) -> dict[str, Any]:
        """All that its value depends on, besides the samples and the features."""
        return {
            "metric": {"name": self.card.name, "settings": self.settings, "sha256": self.card.sha256},
            "samples": self.samples,
            "extractor": self.extractor,
            "split": self.split,
        }

    def trait(self, name: str) -> Any:
        """What its plugin declares, e.g. its title or direction."""
        return self.card.traits[name]


def parse(text: str, registry: Registry) -> dict[str, Any]:
    """A metric's name as a study's mapping: `{name, samples, extractor, settings}`, without what it does not say.

    Raises MeasureError.
    """
    cards = registry.cards["metric"]
    names = {name: name for name in cards} | {card.traits["short"]: name for name, card in cards.items()}
    first, *parts = text.split("_")
    if first not in names:
        if here := ELSEWHERE.get(first.lower()):
            raise MeasureError(
                f"'{text}': {first.upper()} is called '{here}' here, as it may be of any extractor's features: "
                f"'{'_'.join([here, *parts])}'; as published, '{'_'.join([here, 'inception-v3-compat', *parts])}'"
            )
        raise MeasureError(registry.missing("metric", re.sub(f"(_{COUNT.pattern})+$", "", text), names))
    settings: dict[str, Any] = {}
    found: dict[str, Any] = {"name": names[first]}
    for part in parts:
        count = COUNT.fullmatch(part)
        key, equals, value = part.partition("=")
        if equals:
            into, key, read = settings, key.replace("-", "_"), _read(value)
        elif count:
            into, key, read = found, "samples", int(count[1]) * (1000 if count[2] else 1)
        else:
            into, key, read = found, "extractor", part
        if not part or key in into:
            raise MeasureError(f"'{text}': cannot read '{part}'; a name is metric_extractor_setting=value_samples")
        into[key] = read
    return {**found, "settings": settings} if settings else found


def can_name_an_extractor(label: str) -> bool:
    """Whether a label can be told from the other parts of a metric's name."""
    return "_" not in label and not COUNT.fullmatch(label) and label not in SPLITS


def count_text(count: int) -> str:
    """10000 as `10k`, 2500 as `2500`."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)


def _written(value: Any) -> str:
    """A setting's value such that it can stand between underscores, and `_read` returns it."""
    bare = isinstance(value, str) and _read(value) == value
    text = value if bare else json.dumps(value, separators=(",", ":"))
    return str(text).replace("%", "%25").replace("_", "%5F")


def _read(written: str) -> Any:
    text = unquote(written)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


OF_CONDITIONS = {"class": ("labels", "again"), "image": ("truth", "again"), "text": ("captions", "again")}
"""What metrics can build on where samples are made for a class, an image or words."""


def facts(dataset: Card, extractor: Card | None, form: str | None = None) -> set[str]:
    """What metrics can build on for a dataset, seen through an extractor, with conditions of a form."""
    found = set(OF_CONDITIONS[form]) if form else set()
    if extractor is None:
        return found | ({"modes", "classes"} if "mixture" in dataset.methods else set())
    return found | {"training", *extractor.traits["provides"]}


def misfit(metric: Card, dataset: Card, extractor: Card | None, form: str | None = None) -> str | None:
    """Why a metric does not apply, or None."""
    kinds, kind = metric.traits["kinds"], dataset.traits["kind"]
    if kind not in kinds:
        return f"{metric.name} measures {' or '.join(kinds)}, {dataset.name} holds {kind}"
    missing = [need for need in metric.traits["needs"] if need not in facts(dataset, extractor, form)]
    if missing:
        seen = f" seen through {extractor.name}" if extractor else ""
        return f"{metric.name} needs {' and '.join(missing)}, which {dataset.name}{seen} does not have"
    return None
