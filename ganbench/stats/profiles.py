"""Performance profiles: the share of runs above each score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganbench.stats.intervals import LEVEL, wilson
from ganbench.stats.merit import Floats, finished


@dataclass(frozen=True)
class Profile:
    """At each of `taus` (t,) the `share` (t,) of runs with a score above it, and a band from `low` to `high` that
    holds the true share with `level` at each tau by itself, not at all taus at once."""

    taus: Floats
    share: Floats
    low: Floats
    high: Floats
    level: float


def profile(scores: ArrayLike, taus: ArrayLike, level: float = LEVEL) -> Profile:
    """The profile of scores (tasks, runs), higher better, at thresholds (t,): the mean over tasks of the share of runs
    above tau (Agarwal et al. 2021). A failed run is above no threshold.

    The band is Wilson's for as many runs of equal chances. That is not too narrow where the tasks differ: the variance
    of a mean over strata is at most that of one stratum with their mean chance. Nor has it no width at 0 and 1, as a
    bootstrap's has.
    """
    found = np.asarray(scores, dtype=float)
    found = np.where(finished(found), found, -np.inf).ravel()
    at = np.asarray(taus, dtype=float)
    above = (found[:, None] > at).sum(0)
    low, high = wilson(above, found.size, level)
    return Profile(at, above / found.size, low, high, level)
