"""Circles, squares and triangles on small colour pictures, with soft edges."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

KINDS = ("circle", "square", "triangle")
NOTHING = -1.0
"""A radius that covers no part of any pixel."""
AT_ONCE = 500


class Objects(NamedTuple):
    """An object of each of n pictures: `kinds` (n,) are places in KINDS, `centres` (n, 2) x and y in pixels from the
    upper left corner, `radii` (n,) in pixels half the side of the upright square that it just fits in, `colours` (n, 3)
    in [0, 1]."""

    kinds: Tensor
    centres: Tensor
    radii: Tensor
    colours: Tensor


def drawn(objects: Sequence[Objects], size: int) -> Tensor:
    """Pictures uint8 (n, 3, size, size) of objects on black, the later over the earlier."""
    parts = zip(*(zip(*(part.split(AT_ONCE) for part in of), strict=True) for of in objects), strict=True)
    return torch.cat([_pictures([Objects(*of) for of in part], size) for part in parts])


def _pictures(objects: Sequence[Objects], size: int) -> Tensor:
    canvas = torch.zeros(len(objects[0].kinds), 3, size, size)
    for of in objects:
        for kind, name in enumerate(KINDS):
            at = (of.kinds == kind).nonzero().flatten()
            share = coverage(name, of.centres[at], of.radii[at], size)[:, None]
            canvas[at] = canvas[at].lerp(of.colours[at, :, None, None], share)
    return canvas.mul_(255).round_().to(torch.uint8)


def coverage(kind: str, centres: Tensor, radii: Tensor, size: int) -> Tensor:
    """The share of each pixel (n, size, size) that objects of a kind cover, from the distance of the pixel's middle to
    the object's edge: exact for straight edges along the pixels, and a little off at corners."""
    middles = torch.arange(size) + 0.5
    x = middles[None, None, :] - centres[:, 0, None, None]
    y = middles[None, :, None] - centres[:, 1, None, None]
    radius = radii[:, None, None]
    if kind == "circle":
        return _inside((x.square() + y.square()).sqrt() - radius)
    if kind == "square":
        return torch.minimum(_inside(x.abs() - radius), _inside(y.abs() - radius))
    slope = 5**-0.5  # sides fall by two pixels on one
    return torch.minimum(_inside(y - radius), _inside(2 * slope * x.abs() - slope * (y + radius)))


def _inside(distance: Tensor) -> Tensor:
    return (0.5 - distance).clamp(0, 1)
