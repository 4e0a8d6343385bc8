"""A published number against measured ones: the same, another, or not to be told.

To fail to find a difference is not to find none. Two numbers are called the same only if the data show that they differ
by less than a margin that was stated before (two one-sided tests, Schuirmann 1987), and another only if the data show
that they differ by more than that.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ganbench.stats.intervals import LEVEL, Interval
from ganbench.stats.merit import finished

Verdict = Literal["match", "differs", "open"]
WELCH, OURS, THEIRS = (
    "Welch",
    "the measured spread stands for the published one",
    "the published spread stands for both",
)


@dataclass(frozen=True)
class Difference:
    """The mean of `count` runs minus a published number, with its standard error and degrees of freedom; None for both
    where no spread over training runs is known on either side. `basis` says whose spread it rests on."""

    value: float
    se: float | None
    freedom: float
    count: int
    basis: str | None

    def interval(self, level: float = LEVEL) -> Interval | None:
        """By Student's t; a point where all runs and the published ones are equal."""
        if self.se is None:
            return None
        reach = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.se if self.se > 0 else 0.0
        return Interval(self.value - reach, self.value + reach, level, f"Student t, {self.basis}")


def difference(values: ArrayLike, published: float, sd: float | None, runs: int | None) -> Difference:
    """Measured values (n,) against the mean of `runs` published ones with standard deviation `sd` over training runs.

    If both spreads are known, the standard error is sqrt(s^2 / n + sd^2 / runs) with Welch's (1947) degrees of freedom.
    If one is, it stands for both, as it would if the protocols were the same: sqrt(s^2 / n + s^2 / runs) with the
    degrees of freedom of the known one. A number of unknown `runs` counts as one run. Failed runs are left out;
    ValueError if there are no others.
    """
    found = np.asarray(values, dtype=float)
    found = found[finished(found)]
    n, r = len(found), runs or 1
    if not n:
        raise ValueError("a difference needs a run that did not fail")
    value = float(found.mean()) - published
    own = float(found.var(ddof=1)) if n > 1 else None
    theirs = sd**2 if sd is not None and r > 1 else None
    if own is not None and theirs is not None:
        parts = (own / n, theirs / r)
        total = sum(parts)
        freedom = total**2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (r - 1)) if total else math.inf
        return Difference(value, math.sqrt(total), freedom, n, WELCH)
    if own is not None:
        return Difference(value, math.sqrt(own / n + own / r), n - 1, n, OURS)
    if theirs is not None:
        return Difference(value, math.sqrt(theirs / n + theirs / r), r - 1, n, THEIRS)
    return Difference(value, None, math.nan, n, None)


def verdict(found: Difference, margin: float, alpha: float = 0.05) -> Verdict:
    """`match` if the interval of level 1 - 2 alpha lies within `margin` on both sides of 0: two one-sided tests, each
    at alpha, so that a true difference of the margin or more is called a match at most alpha of the time. `differs` if
    that of level 1 - alpha lies outside: a true difference of the margin or less is called another at most alpha / 2
    of the time. `open` otherwise, and where there is no interval.

    ValueError for a margin that is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"{margin} is no margin: it must be above 0")
    inner, outer = found.interval(1 - 2 * alpha), found.interval(1 - alpha)
    if inner is None or outer is None:
        return "open"
    if -margin <= inner.low and inner.high <= margin:
        return "match"
    return "differs" if outer.low > margin or outer.high < -margin else "open"
