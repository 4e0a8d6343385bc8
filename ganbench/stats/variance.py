"""Where the spread of a cell comes from: training again, or only sampling again from what was trained."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ganbench.stats.intervals import LEVEL, Interval
from ganbench.stats.merit import finished


@dataclass(frozen=True)
class VarianceSplit:
    """The variance of one value as `training` (between runs, not below 0) plus `sampling` (between samples of one run),
    in squared units of the metric; `share` is training's part of the sum, 0 to 1, with its interval. NaN and None where
    fewer than two of the `runs` finished, and for the share if nothing varies; `failed` runs have no samples."""

    training: float
    sampling: float
    share: float
    interval: Interval | None
    runs: int
    samples: int
    failed: int


def variance_split(values: ArrayLike, level: float = LEVEL) -> VarianceSplit:
    """Split the variance of values (runs, samples): each run evaluated on as many samples, drawn with seeds of their
    own. One-way random effects by the method of moments: sampling = MSW, training = max(0, (MSB - MSW) / samples)
    (Searle, Casella & McCulloch 1992, chapter 3).

    A run with any value that is not finite is a failed run. The interval of the share is from F = MSB / MSW, exact for
    Gaussian effects (Searle 1971), cut at 0. ValueError for fewer than two samples.
    """
    found = np.asarray(values, dtype=float)
    held = found[finished(found).all(1)]
    runs, samples = held.shape
    failed = len(found) - runs
    if samples < 2:
        raise ValueError("the variance of sampling needs two samples of each run")
    if runs < 2:
        return VarianceSplit(math.nan, math.nan, math.nan, None, len(found), samples, failed)
    between = samples * float(held.mean(1).var(ddof=1))
    within = float(held.var(axis=1, ddof=1).mean())
    training = max(0.0, (between - within) / samples)
    total = training + within
    share = training / total if total else math.nan
    interval = _share_interval(between / within, runs, samples, level) if within else None
    return VarianceSplit(training, within, share, interval, len(found), samples, failed)


def _share_interval(f: float, runs: int, samples: int, level: float) -> Interval:
    """The shares for which F, divided by its expectation, is within its distribution's quantiles."""
    law = stats.f(runs - 1, runs * (samples - 1))
    ends = [f / law.ppf((1 + level) / 2), f / law.ppf((1 - level) / 2)]
    low, high = (max(0.0, (end - 1) / (end - 1 + samples)) for end in ends)
    return Interval(float(low), float(high), level, "F of one-way random effects")
