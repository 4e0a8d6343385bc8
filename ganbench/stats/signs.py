"""Wilcoxon's signed-rank test, exact for every number of pairs, with ties, zeros and failed runs."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def signed_rank_p(gains: ArrayLike) -> float:
    """The two-sided p of gains (n,), one per pair: the chance of a sum of signed ranks at least as far from 0, over all
    2^n signs (Wilcoxon 1945; zeros are ranked and then have no sign, Pratt 1959; equal sizes share a rank). An infinite
    gain, a pair of which one run failed, is larger than every number. ValueError for NaN. 1 of nothing.

    The distribution is exact given the sizes, ties included: twice the ranks are integers, and the number of ways to
    reach each sum grows by one rank at a time.
    """
    found = np.asarray(gains, dtype=float)
    if np.isnan(found).any():
        raise ValueError("a gain is NaN")
    ranks = np.rint(2 * stats.rankdata(np.abs(found))).astype(int)
    ways = np.ones(1)
    for rank in ranks[found != 0]:
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += ways / 2
        longer[rank:] += ways / 2
        ways = longer
    total = len(ways) - 1
    off_centre = np.abs(2 * np.arange(total + 1) - total)
    reached = abs(2 * int(ranks[found > 0].sum()) - total)
    return min(1.0, float(ways[off_centre >= reached].sum()))
