"""Shapes: drawn pictures with captions, whose every word can be checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from ganbench import canvas
from ganbench.data import EXTRACTOR, Split
from ganbench.streams import stream

COUNTS = {"train": 16_000, "validation": 4_000, "test": 4_000, EXTRACTOR: 16_000}
SIDE, MIDDLE = 32, 16.0

ARTICLE = "a"
SIZES = ("small", "large")
COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
RELATIONS = ("left of", "right of", "above", "below")

RADII = (3.5, 6.5)
"""Of a small and of a large object, in pixels."""
MEDIUM = 5.0
"""The radius of a second object, of whose size a caption says nothing."""
PAINTS = ((230, 40, 40), (40, 190, 60), (50, 80, 255), (245, 220, 40), (170, 60, 220), (240, 240, 240))
FROM = ((-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0))
"""For each relation, where the first object is, as seen from the middle; y points down."""
APART, JITTER, ACROSS, ALONE = 6.0, 1.0, 3.0, 6.0
"""In pixels: how far each of two objects is from the middle; by how much its place varies along the line between them
and across it; and by how much that of a single object varies."""

HELD_OUT = (("red", "square"), ("blue", "circle"), ("yellow", "triangle"))
"""No object of the training split has such a colour and shape."""


@dataclass(frozen=True)
class Dataset:
    """32x32 colour pictures of one object ("a small red circle") or two ("a small red circle left of a blue square") on
    black, drawn by a rule, with a caption of which every word is exact.

    Sizes (2), colours (6), shapes (3), relations (4), and the colour and shape of the second object are drawn uniformly
    and independently, then places. The first object is small or large and the second between them, so that a
    picture has one caption only. Red squares, blue circles and yellow triangles are in the validation and test splits
    and never in the training split, where each of these colours and shapes occurs with the others: whether they are
    drawn shows whether a generator composes words. A word is at the same place in every caption; "left of" is one word.
    16,000 pictures are for training, 4,000 for validation, 4,000 for testing; and 16,000 of all combinations for
    extractors, which must recognise what no generator was trained on. A label is the size and shape of the first
    object.
    """

    kind: ClassVar[str] = "images"
    size: ClassVar[int] = 32
    classes: ClassVar[int] = 6
    extractor: ClassVar[str] = "attributes"
    classifier_epochs: ClassVar[int] = 5
    accuracy_gate: ClassVar[float] = 0.95
    words: ClassVar[tuple[str, ...]] = (
        "a", "small", "large", "red", "green", "blue", "yellow", "purple", "white", "circle", "square", "triangle",
        "left of", "right of", "above", "below",
    )  # fmt: skip

    objects: Literal[1, 2] = 2
    """The most objects of a picture; with 2, half of the pictures have one."""

    def splits(self, raw: Path) -> dict[str, Split]:
        """The splits, and one for extractors; needs no files."""
        return {name: self._drawn(count, name == "train", name) for name, count in COUNTS.items()}

    def _drawn(self, count: int, training: bool, role: str) -> Split:
        random = stream(0, f"shapes {role}")
        first, second = (_looks(count, training, random) for _ in range(2))
        sizes, relations = (_choices(count, len(of), random) for of in (SIZES, RELATIONS))
        two = _choices(count, self.objects, random) == 1
        sides = torch.tensor(FROM)[relations] * two[:, None]
        objects = [
            canvas.Objects(looks.kinds, _places(side, random), radii, torch.tensor(PAINTS)[looks.colours] / 255)
            for looks, side, radii in (
                (first, sides, torch.tensor(RADII)[sizes]),
                (second, -sides, torch.where(two, MEDIUM, canvas.NOTHING)),
            )
        ]
        article = _numbers((ARTICLE,), torch.zeros_like(sizes))
        captions = torch.stack([article, _numbers(SIZES, sizes), *_in_words(first)], 1)
        if self.objects == 2:
            rest = torch.stack([_numbers(RELATIONS, relations), article, *_in_words(second)], 1)
            captions = torch.cat([captions, rest * two[:, None]], 1)
        return Split(canvas.drawn(objects, SIDE), sizes * len(canvas.KINDS) + first.kinds, captions)


class Looks(NamedTuple):
    """Colours and shapes (n,), by their places among all."""

    colours: Tensor
    kinds: Tensor


def _choices(count: int, among: int, random: torch.Generator) -> Tensor:
    return torch.randint(among, (count,), generator=random)


def _looks(count: int, training: bool, random: torch.Generator) -> Looks:
    """Of all pairs, or of those that are not held out, alike often."""
    pairs = [
        (i, k)
        for i, colour in enumerate(COLOURS)
        for k, kind in enumerate(canvas.KINDS)
        if not (training and (colour, kind) in HELD_OUT)
    ]
    return Looks(*torch.tensor(pairs)[_choices(count, len(pairs), random)].unbind(1))


def _in_words(looks: Looks) -> tuple[Tensor, Tensor]:
    return _numbers(COLOURS, looks.colours), _numbers(canvas.KINDS, looks.kinds)


def _numbers(group: tuple[str, ...], chosen: Tensor) -> Tensor:
    """The numbers in captions (n,) of words chosen from a group."""
    return torch.tensor([Dataset.words.index(word) + 1 for word in group])[chosen]


def _places(sides: Tensor, random: torch.Generator) -> Tensor:
    """The middles of objects (n, 2), to a side (n, 2) of the picture's middle, or anywhere for side (0, 0)."""
    alone = (sides == 0).all(1, keepdim=True)
    spread = torch.where(alone, ALONE, JITTER * sides.abs() + ACROSS * (1 - sides.abs()))
    return MIDDLE + APART * sides + spread * (2 * torch.rand(len(sides), 2, generator=random) - 1)
