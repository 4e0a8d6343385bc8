"""Intervals of confidence: of an average by Student's t, of a share by Wilson's score."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ganbench.stats.merit import Floats, finished

LEVEL = 0.95
"""The confidence level of every interval, unless another is asked for."""

ROUNDING = 1e-12
"""The relative spread of values that are equal: 0.99 - 0.98 is not exactly 0.98 - 0.97."""

Scale = Literal["log", "plain"]


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`; `level` of such intervals hold the truth where `method`'s assumptions do."""

    low: float
    high: float
    level: float
    method: str

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Average:
    """The mean of `count` values, geometric on the log scale; NaN of none. `interval` is None where there is no spread
    to estimate: fewer than two values, or all of them equal."""

    value: float
    interval: Interval | None
    scale: Scale
    count: int


@dataclass(frozen=True)
class Share:
    """`events` of `count` (a half for a tie), their ratio `value` in 0 to 1, and Wilson's interval."""

    events: float
    count: int
    value: float
    interval: Interval


def scale_of(values: ArrayLike) -> Scale:
    """The scale of a metric, from all its values in a study: log if every finished run is above 0, as distances are."""
    found = np.asarray(values, dtype=float)
    found = found[finished(found)]
    return "log" if found.size and (found > 0).all() else "plain"


def on_scale(values: ArrayLike, scale: Scale) -> Floats:
    """The values or their logarithms, failed runs as NaN. ValueError for a value of 0 or less on the log scale."""
    found = np.asarray(values, dtype=float)
    found = np.where(finished(found), found, np.nan)
    if scale == "plain":
        return found
    if (found <= 0).any():
        raise ValueError("the log scale needs values above 0")
    return np.asarray(np.log(found))


def average(values: ArrayLike, scale: Scale, level: float = LEVEL) -> Average:
    """The mean (n,) with Student's t interval, n - 1 degrees of freedom.

    On the log scale both are made from logarithms and turned back: a geometric mean, and an interval of it that is
    exact for lognormal values. ValueError for a failed run: the caller says what becomes of those.
    """
    found = on_scale(values, scale)
    if np.isnan(found).any():
        raise ValueError("an average of failed runs is not defined")
    back = math.exp if scale == "log" else float
    if not len(found):
        return Average(math.nan, None, scale, 0)
    centre = float(found.mean())
    if len(found) < 2 or np.ptp(found) <= ROUNDING * np.abs(found).max():
        return Average(back(centre), None, scale, len(found))
    reach = stats.t.ppf((1 + level) / 2, len(found) - 1) * found.std(ddof=1) / math.sqrt(len(found))
    method = "Student t of the logarithms" if scale == "log" else "Student t"
    return Average(back(centre), Interval(back(centre - reach), back(centre + reach), level, method), scale, len(found))


def share(events: float, count: int, level: float = LEVEL) -> Share:
    """A share with Wilson's score interval (Wilson 1927), which stays within 0 to 1 and has a width at 0 and 1 too.
    A nominal 95 % covers that on average over all shares, and at single ones, near 0 and 1, down to .83 for 3 to 20
    trials. ValueError for no trials or more events than trials."""
    low, high = wilson(events, count, level)
    return Share(events, count, events / count, Interval(float(low), float(high), level, "Wilson"))


def wilson(events: ArrayLike, count: int, level: float = LEVEL) -> tuple[Floats, Floats]:
    """The lower and the upper end of Wilson's interval for each number of events, in their shape."""
    found = np.asarray(events, dtype=float)
    if count < 1 or not ((found >= 0) & (found <= count)).all():
        raise ValueError(f"{events!r} of {count} is not a share")
    z = stats.norm.ppf((1 + level) / 2)
    p = found / count
    middle = (p + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * np.sqrt(p * (1 - p) / count + z**2 / (4 * count**2))
    # At 0 and at 1 the formula's end is exact; rounding must not move it inside.
    low = np.where(found == 0, 0.0, middle - reach)
    high = np.where(found == count, 1.0, middle + reach)
    return low, high
