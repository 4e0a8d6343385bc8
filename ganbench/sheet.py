"""Sample sheets: what a run makes, at a glance, as a PNG."""

import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganbench import files

SIDE = 256


def write(samples: Tensor, path: Path, extent: float) -> None:
    """Images become a square sheet with a gap of one pixel; 2-D points a density within +-extent."""
    rows = math.isqrt(len(samples))
    _save(_density(samples, extent) if samples.dim() == 2 else _grid(samples[: rows * rows], rows), path)


def write_rows(images: Tensor, columns: int, path: Path) -> None:
    """Images in rows of so many; what does not fill a row is left out."""
    _save(_grid(images[: len(images) // columns * columns], columns), path)


def _save(picture: Tensor, path: Path) -> None:
    with files.replacing(path) as temporary:
        Image.fromarray(picture.numpy()).save(temporary, format="PNG")


def _grid(images: Tensor, columns: int) -> Tensor:
    """uint8 (n, channels, h, w), n full rows, to (height, width) or (height, width, 3). Two channels: red and green."""
    if images.shape[1] == 2:
        images = torch.nn.functional.pad(images, (0, 0, 0, 0, 0, 1))
    count, channels, height, width = images.shape
    rows = count // columns
    framed = torch.nn.functional.pad(images, (0, 1, 0, 1), value=255)
    sheet = framed.reshape(rows, columns, channels, height + 1, width + 1).permute(0, 3, 1, 4, 2)
    sheet = sheet.reshape(rows * (height + 1), columns * (width + 1), channels)[:-1, :-1]
    return (sheet[..., 0] if channels == 1 else sheet).contiguous()


def _density(points: Tensor, extent: float) -> Tensor:
    """Dark where there are samples, on white; square root, so that thin mass can be seen."""
    edges = torch.linspace(-extent, extent, SIDE + 1)
    column = torch.bucketize(points[:, 0].contiguous(), edges) - 1
    row = SIDE - torch.bucketize(points[:, 1].contiguous(), edges)
    inside = (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
    counts = torch.bincount((row * SIDE + column)[inside], minlength=SIDE * SIDE).reshape(SIDE, SIDE)
    ink = (counts.float() / max(1, int(counts.max()))).sqrt()
    return (255 - 255 * ink).to(torch.uint8)
