"""Metrics with their protocol. The name of a column is the protocol: `fd_digits-cnn_10k` is the Fréchet distance on
features of `digits-cnn` from 10,000 generated samples, `hq_rule=box_2500` the high-quality share by the box rule.

A study may ask for a metric by its plugin's name, by such a column name, or as a mapping with settings.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from ganbench import plugins
from ganbench.plugins import Card, Registry

COUNT = re.compile(r"(\d{1,9})(k?)")


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
    if text in registry.cards["metric"]:
        return {"name": text}
    shorts = {card.traits["short"]: name for name, card in registry.cards["metric"].items()}
    short, *parts = text.split("_")
    if short not in shorts:
        raise MeasureError(registry.missing("metric", text, shorts))
    found: dict[str, Any] = {"name": shorts[short]}
    for part in parts:
        count = COUNT.fullmatch(part)
        key, equals, value = part.partition("=")
        if equals:
            found.setdefault("settings", {})[key.replace("-", "_")] = yaml.safe_load(value)
        elif count and "samples" not in found:
            found["samples"] = int(count[1]) * (1000 if count[2] else 1)
        elif part and "extractor" not in found:
            found["extractor"] = part
        else:
            raise MeasureError(f"'{text}': cannot read '{part}'; a name is metric_extractor_setting=value_samples")
    return found


def count_text(count: int) -> str:
    """10000 as `10k`, 2500 as `2500`."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def facts(dataset: Card, extractor: Card | None) -> set[str]:
    """What metrics can build on for a dataset, seen through an extractor."""
    if extractor is None:
        return {"modes"} if "mixture" in dataset.methods else set()
    return {"training", *extractor.traits["provides"]}


def misfit(metric: Card, dataset: Card, extractor: Card | None) -> str | None:
    """Why a metric does not apply, or None."""
    kinds, kind = metric.traits["kinds"], dataset.traits["kind"]
    if kind not in kinds:
        return f"{metric.name} measures {' or '.join(kinds)}, {dataset.name} holds {kind}"
    missing = [need for need in metric.traits["needs"] if need not in facts(dataset, extractor)]
    if missing:
        seen = f" seen through {extractor.name}" if extractor else ""
        return f"{metric.name} needs {' and '.join(missing)}, which {dataset.name}{seen} does not have"
    return None
