"""Circles, squares and triangles on small colour pictures, with soft edges."""

import torch
from torch import Tensor

KINDS = ("circle", "square", "triangle")
NOTHING = -1.0
"""A radius that covers no part of any pixel."""
AT_ONCE = 1_000


def painted(canvas: Tensor, kinds: Tensor, centres: Tensor, radii: Tensor, colours: Tensor) -> Tensor:
    """Pictures (n, 3, size, size) float in [0, 1] with one object more on each.

    `kinds` (n,) are places in KINDS, `centres` (n, 2) x and y in pixels from the upper left corner, `colours` (n, 3) in
    [0, 1]. `radii` (n,) in pixels: half the side of the upright square that an object just fits in.
    """
    parts = zip(*(part.split(AT_ONCE) for part in (canvas, kinds, centres, radii, colours)), strict=True)
    return torch.cat([_over(*part) for part in parts])


def coverage(kinds: Tensor, centres: Tensor, radii: Tensor, size: int) -> Tensor:
    """The share of each pixel (n, size, size) that an object covers, from the distance of the pixel's middle to the
    object's edge: exact for straight edges along the pixels, and a little too pointed at corners."""
    middles = torch.arange(size) + 0.5
    x = middles[None, None, :] - centres[:, 0, None, None]
    y = middles[None, :, None] - centres[:, 1, None, None]
    radius, kind = radii[:, None, None], kinds[:, None, None]
    circle = (x.square() + y.square()).sqrt() - radius
    square = torch.maximum(x.abs(), y.abs()) - radius
    triangle = torch.maximum(y - radius, (2 * x.abs() - y - radius) / 5**0.5)  # twice as steep as the diagonal
    outside = torch.where(kind == 0, circle, torch.where(kind == 1, square, triangle))
    return (0.5 - outside).clamp(0, 1)


def _over(canvas: Tensor, kinds: Tensor, centres: Tensor, radii: Tensor, colours: Tensor) -> Tensor:
    share = coverage(kinds, centres, radii, canvas.shape[-1])[:, None]
    return canvas * (1 - share) + colours[:, :, None, None] * share
