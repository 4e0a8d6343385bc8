"""Nearest neighbours among features, found by scikit-learn, and the balls that they span.

Nothing of size n x m exists at once: scikit-learn works in tiles, a k-d tree for up to 15 dimensions and matrix
products beyond; the balls are compared in blocks of rows. Distances that are returned are computed from the
differences, so an exact duplicate is at distance exactly 0.
"""

from dataclasses import dataclass

import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ganbench.enough import enough
from ganbench.evidence import Evidence, Training

ROWS = 128
"""Rows of a block: 10 MB against 10,000 samples, which stays in the processor's cache."""

USUAL = 5
"""Neighbours that are found even where fewer are asked for: another metric will ask for as many."""


def to_nearest(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The distance (n,) float64 of each row of a (n, d) to the nearest row of b (m, d), and that row's index (n,)."""
    distances, indices = nearest(a, b, 1)
    return distances[:, 0], indices[:, 0]


def spacing(features: Tensor) -> Tensor:
    """The distance (n,) of each row of features (n, d) float64 to the nearest other row; n is at least 2."""
    return nearest(None, features, 1)[0][:, 0]


def to_others(evidence: Evidence, k: int) -> Tensor:
    """The distances (n, k), ascending, of each sample to the k nearest other ones.

    Raises EvidenceError for k samples or fewer.
    """
    enough(evidence, k + 1, "generated or real")
    count = min(max(k, USUAL), len(evidence) - 1)
    return evidence.once(("to others", count), lambda: nearest(None, evidence.features, count)[0])[:, :k]


def to_training(evidence: Evidence, training: Training) -> tuple[Tensor, Tensor]:
    """The distance (n,) of each sample to the nearest training sample, and that one's index (n,)."""
    return evidence.once(("to training", training), lambda: to_nearest(evidence.features, training.evidence.features))


def nearest(queries: Tensor | None, points: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Distances (n, k), ascending, of queries to points, and indices (n, k); without queries, of points to others."""
    centre = points.mean(0)  # far from the origin, matrix products would lose small distances
    search = NearestNeighbors(n_neighbors=k).fit((points - centre).numpy())
    asked = None if queries is None else (queries - centre).numpy()
    indices = torch.from_numpy(search.kneighbors(asked, return_distance=False))
    origin = points if queries is None else queries
    distances = torch.stack([(origin - points[column]).norm(dim=1) for column in indices.T], 1)
    distances, order = distances.sort(1)
    return distances, indices.gather(1, order)


@dataclass(frozen=True)
class Overlap:
    """How two sets of balls hold each other's centres; the ball of a sample reaches to its k-th nearest neighbour.

    `around` (n,) int64: in how many real balls each generated sample lies. `covered` (m,) bool: whether the ball of a
    real sample holds a generated one. `recalled` (m,) bool: whether a real sample lies in the ball of a generated one.
    """

    around: Tensor
    covered: Tensor
    recalled: Tensor


def overlap(fake: Evidence, real: Evidence, k: int) -> Overlap:
    """The balls of both sides, computed once for all metrics that ask.

    A sample on the surface of a ball is inside (`<=`), where rounding counts as on the surface. So a copy of a real
    sample lies in its ball even if that ball has radius 0, because k others are equal to it.
    Raises EvidenceError where a side has k samples or fewer.
    """
    return fake.once(("overlap", real, k), lambda: _overlap(fake, real, k))


def _overlap(fake: Evidence, real: Evidence, k: int) -> Overlap:
    fake_radii, real_radii = (to_others(side, k)[:, -1].square() for side in (fake, real))
    centre = real.features.mean(0)
    x, y = fake.features - centre, real.features - centre
    x_squares, y_squares = x.square().sum(1), y.square().sum(1)
    # What rounding does to |x - y|^2 below; by row, so that an outlier among the generated blurs only itself.
    rounding = 8 * x.shape[1] * torch.finfo(x.dtype).eps * (x_squares + y_squares.max())
    around = torch.empty(len(x), dtype=torch.int64)
    covered, recalled = (torch.zeros(len(y), dtype=torch.bool) for _ in range(2))
    for rows in torch.arange(len(x)).split(ROWS):
        gap = torch.addmm(y_squares - real_radii, x[rows], y.T, alpha=-2)  # |x - y|^2 - |x|^2 - radius(y)^2
        limit = (rounding - x_squares)[rows, None]
        inside = gap <= limit
        around[rows] = inside.sum(1)
        covered |= inside.any(0)
        recalled |= (gap.add_(real_radii) <= limit + fake_radii[rows, None]).any(0)
    return Overlap(around, covered, recalled)
