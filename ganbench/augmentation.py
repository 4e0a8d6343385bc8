"""Differentiable augmentation of what the discriminator sees, real and generated alike (Zhao et al. 2020,
arXiv:2006.10738, section 4; strengths of appendix B)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ganbench.method import Augmentation

SHIFT = 1 / 8
"""The largest translation, as a share of the size."""

CUT = 1 / 2
"""The side of the square that is cut out, as a share of the size."""


def augment(images: Tensor, kinds: Sequence[Augmentation], stream: torch.Generator) -> Tensor:
    """Images (batch, channels, size, size) in [-1, 1], each changed at random, differentiably. Colour may leave the
    range."""
    for kind in kinds:
        images = {"colour": _colour, "translation": _translation, "cutout": _cutout}[kind](images, stream)
    return images


def _uniform(images: Tensor, stream: torch.Generator) -> Tensor:
    """A number in [0, 1) per image (batch, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, generator=stream, device=images.device, dtype=images.dtype)


def _colour(images: Tensor, stream: torch.Generator) -> Tensor:
    """Brightness by -0.5 to 0.5, saturation times 0 to 2, contrast times 0.5 to 1.5."""
    images = images + _uniform(images, stream) - 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + 2 * _uniform(images, stream) * (images - grey)
    middle = images.mean((1, 2, 3), keepdim=True)
    return middle + (0.5 + _uniform(images, stream)) * (images - middle)


def _translation(images: Tensor, stream: torch.Generator) -> Tensor:
    """By whole pixels, up to an eighth of the size each way; what comes in is 0, mid grey."""
    size = images.shape[-1]
    reach = round(size * SHIFT)
    rows, columns = (_places(images, stream, reach) for _ in range(2))
    padded = torch.nn.functional.pad(images, (reach,) * 4)
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _places(images: Tensor, stream: torch.Generator, reach: int) -> Tensor:
    """Where each pixel of a shifted image comes from in the padded one (batch, size)."""
    offset = torch.randint(0, 2 * reach + 1, (len(images), 1), generator=stream, device=images.device)
    return offset + torch.arange(images.shape[-1], device=images.device)


def _cutout(images: Tensor, stream: torch.Generator) -> Tensor:
    """A square of half the size, anywhere, becomes 0."""
    size = images.shape[-1]
    side = round(size * CUT)
    places = torch.arange(size, device=images.device)
    inside = []
    for _ in range(2):
        centre = torch.randint(0, size + 1 - side % 2, (len(images), 1), generator=stream, device=images.device)
        start = centre - side // 2
        inside.append((places >= start) & (places < start + side))
    hidden = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hidden, 0.0)
