"""Whether the ranking of methods during training is the final one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ganbench.stats.merit import Direction, Floats, merit


@dataclass(frozen=True)
class Stability:
    """At each step (s,), against the last: Kendall's `tau`, 1 for the same ranking and -1 for the reverse, NaN where
    one of the two has all methods alike; `flips`, the number of pairs of methods whose order differs; of `pairs`."""

    tau: Floats
    flips: NDArray[np.int_]
    pairs: int


def stability(scores: ArrayLike, direction: Direction) -> Stability:
    """The stability of scores (steps, methods). Tau is tau-b, which allows for ties (Kendall 1945). An order is better,
    equal or worse, so a tie that comes or goes is a flip too. Failed runs are worst, and equal to each other.
    ValueError for fewer than two methods or no steps."""
    found = merit(scores, direction)
    if found.ndim != 2 or not len(found) or found.shape[1] < 2:
        raise ValueError("stability needs scores (steps, methods) of two methods or more")
    first, second = np.triu_indices(found.shape[1], 1)
    # Compared and not subtracted: two failed runs are equal, and their difference would be NaN.
    order = (found[:, first] > found[:, second]).astype(int) - (found[:, first] < found[:, second])
    flips = (order != order[-1]).sum(1)
    places = stats.rankdata(found, axis=1)
    tau = np.array([stats.kendalltau(row, places[-1]).statistic for row in places], dtype=float)
    return Stability(tau, flips, len(first))
