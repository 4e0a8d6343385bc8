"""One cell: the runs of one method on one dataset and architecture, over its seeds."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganbench.stats.intervals import LEVEL, Average, Scale, Share, average, share
from ganbench.stats.merit import SIGN, Direction, finished, merit


@dataclass(frozen=True)
class Summary:
    """A cell in numbers. `values` keeps every seed, in order, NaN where the run failed.

    `mean`, `sd` (n - 1), `se` (sd / sqrt(n)) and `average`, the one with the interval, are of the runs that finished:
    to be read beside `failures`, whose interval is Wilson's. `median` is of all runs, failed ones worst; NaN if that is
    a failed one. NaN wherever there are too few runs.
    """

    values: tuple[float, ...]
    mean: float
    sd: float
    se: float
    median: float
    average: Average
    failures: Share

    @property
    def complete(self) -> bool:
        """Whether no run failed, so that the means are of all runs."""
        return self.failures.events == 0


def summarise(values: ArrayLike, direction: Direction, scale: Scale, level: float = LEVEL) -> Summary:
    """The summary of a cell's values (n,), a value per seed. ValueError for no runs, or for a value of 0 or less on the
    log scale."""
    found = np.asarray(values, dtype=float)
    held = found[finished(found)]
    failures = share(len(found) - len(held), len(found), level)
    sd = float(held.std(ddof=1)) if len(held) > 1 else math.nan
    return Summary(
        values=tuple(np.where(finished(found), found, np.nan).tolist()),
        mean=float(held.mean()) if len(held) else math.nan,
        sd=sd,
        se=sd / math.sqrt(len(held)) if len(held) else math.nan,
        median=median(found, direction),
        average=average(held, scale, level),
        failures=failures,
    )


def median(values: ArrayLike, direction: Direction) -> float:
    """The median of all runs (n,), failed ones worst; NaN where that makes it a failed one."""
    found = SIGN[direction] * float(np.median(merit(values, direction)))
    return found if math.isfinite(found) else math.nan
