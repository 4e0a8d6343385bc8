"""Two methods over the same seeds: by how much is one better, and can that be chance."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ganbench.stats.counts import smallest_paired_p
from ganbench.stats.improvement import paired_improvement
from ganbench.stats.intervals import LEVEL, Average, Scale, Share, average, on_scale
from ganbench.stats.merit import SIGN, Direction, Floats, finished, merit
from ganbench.stats.signs import signed_rank_p


@dataclass(frozen=True)
class Comparison:
    """`first` against `second`, one pair of runs per seed.

    `effect` is the mean of first - second with its interval, on the log scale the geometric mean of first / second; it
    is over the pairs of which both runs finished, `incomplete` are the others. `p` is the exact two-sided signed-rank
    p over all pairs, where a failed run loses by more than any number; `smallest_p` is the least that so many pairs can
    give. `wins` is the share of seeds on which `first` is better.
    """

    direction: Direction
    effect: Average
    incomplete: int
    p: float
    smallest_p: float
    wins: Share

    @property
    def better(self) -> Literal["first", "second"] | None:
        """The better one if the interval of the effect leaves out "no difference". None otherwise, and where there is
        no interval or a pair is incomplete, of which the interval does not know."""
        equal = 1.0 if self.effect.scale == "log" else 0.0
        if self.incomplete or self.effect.interval is None or equal in self.effect.interval:
            return None
        return "first" if SIGN[self.direction] * (self.effect.value - equal) > 0 else "second"


def compare(
    first: ArrayLike, second: ArrayLike, direction: Direction, scale: Scale, level: float = LEVEL
) -> Comparison:
    """Compare two methods' values (n,), in the same order of seeds. ValueError for unequal lengths, or for a value of
    0 or less on the log scale.

    On the log scale the interval is exact for lognormal ratios; the signed-rank p assumes of the gains only that their
    signs are even chances when there is no difference. So with few seeds the interval can leave out "no difference"
    where p cannot be small: the normal shape carries it, and the page must say so.
    """
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    wins = paired_improvement(x, y, direction, level)
    p = signed_rank_p(gains(x, y, direction, scale))
    both = finished(x) & finished(y)
    effects = x[both] / y[both] if scale == "log" else x[both] - y[both]
    return Comparison(
        direction=direction,
        effect=average(effects, scale, level),
        incomplete=int((~both).sum()),
        p=p,
        smallest_p=smallest_paired_p(len(x)),
        wins=wins,
    )


def winner(
    first: ArrayLike, second: ArrayLike, direction: Direction, level: float = LEVEL
) -> Literal["first", "second"] | None:
    """Which of two methods (n,) is better over paired seeds, beyond chance, on the plain scale; None if neither is.

    By the interval of the mean difference; where all pairs differ by the same, which has no interval, by that. Where a
    run of a pair failed, of which the interval does not know, by the signed-rank test, in which it loses by more than
    any number.
    """
    found = compare(first, second, direction, "plain", level)
    if found.incomplete:
        if found.p > 1 - level or found.wins.value == 0.5:
            return None
        return "first" if found.wins.value > 0.5 else "second"
    if found.effect.interval is None and found.effect.count > 1 and found.effect.value != 0:
        return "first" if found.wins.value == 1 else "second"
    return found.better


def gains(first: ArrayLike, second: ArrayLike, direction: Direction, scale: Scale) -> Floats:
    """By how much `first` is better than `second`, pair by pair (n,): above 0 where it is better. Infinite where one of
    the two failed, 0 where both did."""
    x, y = merit(on_scale(first, scale), direction), merit(on_scale(second, scale), direction)
    with np.errstate(invalid="ignore"):
        return np.where(x == y, 0.0, x - y)
