"""All pairs of methods over blocks, which are datasets or paired seeds."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganbench.stats.intervals import Scale
from ganbench.stats.merit import Direction
from ganbench.stats.pairs import gains
from ganbench.stats.signs import signed_rank_p


@dataclass(frozen=True)
class PairTest:
    """Methods `first` and `second`, by their row, with the exact signed-rank `p` and that of Holm over all pairs."""

    first: int
    second: int
    p: float
    adjusted: float


def all_pairs(scores: ArrayLike, direction: Direction, scale: Scale) -> list[PairTest]:
    """Every pair of methods of scores (methods, blocks) by Wilcoxon's signed-rank test with Holm's correction, as
    Benavoli et al. (2016) recommend over ranks of all methods. A failed run loses by more than any number.

    The test ranks the gains of different blocks among each other, so over datasets they must be of one size: normalised
    scores, or the log scale. ValueError for fewer than two methods, or for a value of 0 or less on the log scale.
    """
    found = np.asarray(scores, dtype=float)
    if found.ndim != 2 or len(found) < 2:
        raise ValueError("all pairs need scores (methods, blocks) of two methods or more")
    pairs = list(itertools.combinations(range(len(found)), 2))
    raw = [signed_rank_p(gains(found[a], found[b], direction, scale)) for a, b in pairs]
    return [PairTest(a, b, p, adjusted) for (a, b), p, adjusted in zip(pairs, raw, holm(raw), strict=True)]


def holm(ps: Sequence[float]) -> list[float]:
    """The p of each of m tests such that rejecting those at most alpha has a chance of at most alpha of any false one
    (Holm 1979): the i-th smallest times m - i + 1, never less than the one before, at most 1."""
    order = np.argsort(ps, kind="stable")
    factors = np.arange(len(ps), 0, -1)
    adjusted = np.empty(len(ps))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(ps, dtype=float)[order] * factors))
    return [float(p) for p in adjusted]
