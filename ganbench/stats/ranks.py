"""Ranks of methods over blocks, which are datasets (one value of each method on each) or paired seeds."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ganbench.stats.counts import ALPHA, smallest_friedman_p
from ganbench.stats.merit import Direction, Floats, merit

PERMUTATIONS = 9999


@dataclass(frozen=True)
class Friedman:
    """Friedman's test that all methods are alike: `chi2` with `chi2_p`, `f` of Iman and Davenport with `f_p`, both
    approximate, and `p` of the permutation test, the one to use. `smallest_p` is the least of all permutations."""

    chi2: float
    chi2_p: float
    f: float
    f_p: float
    p: float
    smallest_p: float


def ranks(scores: ArrayLike, direction: Direction) -> Floats:
    """The rank of each method in each block (methods, blocks): 1 is best, equal ones share the mean of their ranks,
    and failed runs share the worst."""
    return np.asarray(stats.rankdata(-merit(scores, direction), axis=0), dtype=float)


def average_ranks(scores: ArrayLike, direction: Direction) -> Floats:
    """The mean rank of each method (methods,) over the blocks of scores (methods, blocks)."""
    return np.asarray(ranks(scores, direction).mean(1))


def friedman(scores: ArrayLike, direction: Direction, seed: int = 0) -> Friedman:
    """Friedman's test (1937) of scores (methods, blocks), corrected for ties, and Iman and Davenport's F (1980):
    (N - 1) chi2 / (N (k - 1) - chi2) on k - 1 and (k - 1)(N - 1) degrees of freedom, as Demsar (2006) recommends.

    The p of F holds from about 6 blocks on; for 3 methods and 3 blocks, a nominal .05 is .20. So `p` is of
    PERMUTATIONS random permutations of the methods within each block, by a generator seeded with `seed`. Where all
    blocks agree F is infinite, and its p would be 0: no p is given below the least of all permutations. All alike in
    every block: chi2 and F are 0, p is 1. ValueError for fewer than two methods or blocks.
    """
    found = ranks(scores, direction)
    k, n = found.shape
    if k < 2 or n < 2:
        raise ValueError(f"Friedman's test needs two methods and two blocks, not {k} and {n}")
    centred = found - (k + 1) / 2
    between = float((centred.sum(1) ** 2).sum())
    chi2 = (k - 1) * between / float((centred**2).sum()) if between else 0.0
    shuffled = np.random.default_rng(seed).permuted(np.tile(centred, (PERMUTATIONS, 1, 1)), axis=1)
    # Sums of ranks and halves are exact, so equal ones compare as equal.
    reached = int(((shuffled.sum(2) ** 2).sum(1) >= between).sum())
    room = n * (k - 1) - chi2
    f = (n - 1) * chi2 / room if room > 1e-9 else math.inf
    least = smallest_friedman_p(k, n)
    return Friedman(
        chi2=chi2,
        chi2_p=max(least, float(stats.chi2.sf(chi2, k - 1))),
        f=f,
        f_p=max(least, float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))),
        p=max(least, (1 + reached) / (1 + PERMUTATIONS)),
        smallest_p=least,
    )


def nemenyi_distance(methods: int, blocks: int, alpha: float = ALPHA) -> float:
    """By how much two average ranks must differ to be told apart among all pairs (Nemenyi 1963; Demsar 2006):
    q sqrt(k (k + 1) / (6 N)), q the studentized range over sqrt(2): 2.343 for three methods. Only for many blocks, and
    whether two methods differ depends on the others (Benavoli et al. 2016): `pairwise.all_pairs` has neither fault."""
    q = stats.studentized_range.ppf(1 - alpha, methods, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(methods * (methods + 1) / (6 * blocks)))
