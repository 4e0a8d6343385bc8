"""What samples are made for: the conditions of a split, beside its true samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganbench import data, plugins
from ganbench.cards import Card
from ganbench.data import DataError, Split
from ganbench.protocol import Dataset
from ganbench.streams import stream


@dataclass(frozen=True)
class Form:
    """What one condition looks like.

    `kind`: `class`, `image` or `text`. `shape`: (), (channels, size, size), or (length,). `count`: the number of
    classes, or of words with the one that fills up; 0 for images.
    """

    kind: str
    shape: tuple[int, ...]
    count: int

    @property
    def spec(self) -> dict[str, Any]:
        """As JSON, for `of_spec`."""
        return {"kind": self.kind, "shape": list(self.shape), "count": self.count}

    @classmethod
    def of_spec(cls, spec: dict[str, Any]) -> "Form":
        """The form that was written so."""
        return cls(spec["kind"], tuple(spec["shape"]), spec["count"])


@dataclass(frozen=True)
class Given:
    """Conditions `values` (n, ...), and the true sample of each, `truth` (n, ...)."""

    form: Form
    values: Tensor
    truth: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def first(self, count: int) -> "Given":
        """The first `count` conditions, from the beginning again where there are fewer."""
        if count == len(self):
            return self
        places = torch.arange(count) % len(self)
        return Given(self.form, self.values[places], self.truth[places])

    def to(self, device: torch.device) -> "Given":
        """The same on a device."""
        return Given(self.form, self.values.to(device), self.truth.to(device))

    def strangers(self) -> Tensor:
        """True samples in another order, the same each time: what conditions are worth to those who ignore them."""
        return self.truth[torch.randperm(len(self), generator=stream(0, "strangers"))]


def prepare(datasets: Sequence[Dataset], raw: Path) -> None:
    """Prepare a dataset that a study has once or more, with all conditions that it has there checked before anything is
    written. Raises DataError."""

    def check(splits: data.Splits) -> None:
        for dataset in datasets:
            for name in data.SPLITS if dataset.condition else ():
                _of(dataset, name, splits[name], splits["train"].labels)

    data.prepare(datasets[0], raw, check)


def read(dataset: Dataset, split: str) -> Given | None:
    """The conditions of a split of a prepared dataset; None if its samples have none. Raises DataError, naming the
    sample."""
    if dataset.condition is None:
        return None
    found = data.read(dataset, split)
    known = dataset.card.traits.get("classes", 0) or dataset.form != "class"
    return _of(dataset, split, found, found.labels if known else data.read(dataset, "train").labels)


def _of(dataset: Dataset, name: str, split: Split, labels: Tensor | None) -> Given:
    """The conditions of a split; `labels` are those of the training split, for data that says no number of classes."""
    of = dataset.condition
    assert of is not None
    plugin = plugins.load(of.card, of.spec["settings"])
    try:
        values: Tensor = plugin.of(split, stream(0, f"conditions {name}"))
        form = Form(of.makes, tuple(values.shape[1:]), _count(dataset.card, of.makes, labels))
        _check(form, values, split.samples)
    except DataError as error:
        raise DataError(f"dataset '{dataset.label}', split '{name}', condition '{of.card.name}': {error}") from error
    return Given(form, values, split.samples)


def _count(card: Card, kind: str, labels: Tensor | None) -> int:
    """How many classes there are, or words with the one that fills up."""
    if kind == "text":
        return 1 + len(card.traits["words"])
    if kind == "image":
        return 0
    known = int(card.traits.get("classes", 0))
    return known or (0 if labels is None else int(labels.max()) + 1)


def _check(form: Form, values: Tensor, samples: Tensor) -> None:
    """Raises DataError for conditions that are not of their form."""
    if len(values) != len(samples):
        raise DataError(f"{len(samples)} samples have {len(values)} conditions")
    if form.kind == "image":
        wanted = ("torch.uint8", samples.shape[2:])
        got = (str(values.dtype), values.shape[2:])
        if values.dim() != 4 or got != wanted:
            raise DataError(f"images are {wanted[0]} (n, channels, {', '.join(map(str, wanted[1]))}); got {got}")
        return
    if values.dtype != torch.int64 or values.dim() != (1 if form.kind == "class" else 2):
        raise DataError(f"a {form.kind} condition is int64; got {values.dtype} {tuple(values.shape)}")
    wrong = ((values < 0) | (values >= form.count)).reshape(len(values), -1).any(1).nonzero()
    if len(wrong):
        place = int(wrong[0])
        what = f"label {values[place].tolist()}" if form.kind == "class" else f"words {values[place].tolist()}"
        raise DataError(f"sample {place} has {what}; known are 0 to {form.count - 1}")
    if form.kind == "text" and len(empty := (values == 0).all(1).nonzero()):
        raise DataError(f"sample {int(empty[0])} has an empty caption")
