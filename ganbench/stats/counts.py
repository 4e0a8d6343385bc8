"""What the counts allow: the least p that so many seeds or datasets can give, and how many a conclusion needs."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

ALPHA = 0.05
"""The chance of a false conclusion that a test may have, unless another is asked for."""


@dataclass(frozen=True)
class Allowance:
    """Whether `count` `things` allow any conclusion: only if `smallest_p` is at most `threshold`; `needed` is the least
    count for which it is."""

    things: str
    count: int
    needed: int
    smallest_p: float
    threshold: float

    @property
    def enough(self) -> bool:
        """Whether a conclusion can be reached at all; it still takes data that agree."""
        return self.smallest_p <= self.threshold

    @property
    def text(self) -> str:
        """`no conclusion: 3 seeds, at least 6 needed (the smallest reachable p is 0.25, it must be at most 0.05)`."""
        if self.enough:
            return f"{self.count} {self.things} allow a conclusion (at least {self.needed} needed)"
        return (
            f"no conclusion: {self.count} {self.things}, at least {self.needed} needed "
            f"(the smallest reachable p is {self.smallest_p:.2g}, it must be at most {self.threshold:.2g})"
        )


def smallest_paired_p(pairs: int) -> float:
    """The least two-sided p of a signed-rank or sign-flip test over pairs: all gains of one sign, 2 of 2^n signs."""
    return min(1.0, 2.0 ** (1 - pairs))


def smallest_unpaired_p(first: int, second: int) -> float:
    """The least two-sided exact p of Mann and Whitney's test: all of one above all of the other, 2 of C(m + n, n)."""
    return min(1.0, 2 / math.comb(first + second, second))


def smallest_friedman_p(methods: int, blocks: int) -> float:
    """The least p of Friedman's test by permutation: the same ranking in all N blocks, k! of (k!)^N rankings."""
    return float(math.factorial(methods)) ** (1 - blocks) if blocks else 1.0


def paired_seeds(count: int, methods: int = 2, alpha: float = ALPHA) -> Allowance:
    """Whether paired seeds allow to call any of all pairs of methods different, by signed ranks with Holm."""
    return _paired("seeds", count, methods, alpha)


def datasets(count: int, methods: int = 2, alpha: float = ALPHA) -> Allowance:
    """Whether datasets, one value of each method on each, allow to call any of all pairs of methods different."""
    return _paired("datasets", count, methods, alpha)


def unpaired_seeds(count: int, methods: int = 2, alpha: float = ALPHA) -> Allowance:
    """As `paired_seeds`, for as many seeds of each method that are not paired, by Mann and Whitney's test with Holm."""
    return _allowance("seeds", count, lambda n: smallest_unpaired_p(n, n), alpha, math.comb(methods, 2))


def friedman_datasets(count: int, methods: int, alpha: float = ALPHA) -> Allowance:
    """Whether datasets allow to say that the methods are not all alike, by Friedman's test."""
    return _allowance("datasets", count, lambda n: smallest_friedman_p(methods, n), alpha, min(1, methods - 1))


def _paired(things: str, count: int, methods: int, alpha: float) -> Allowance:
    return _allowance(things, count, smallest_paired_p, alpha, math.comb(methods, 2))


def _allowance(things: str, count: int, smallest: Callable[[int], float], alpha: float, tests: int) -> Allowance:
    """Holm (1979) rejects nothing unless the smallest of the p is at most alpha / number of tests."""
    if tests < 1 or not 0 < alpha < 1:
        raise ValueError(f"a conclusion needs two methods and an alpha between 0 and 1, not {alpha}")
    threshold = alpha / tests
    needed = next(n for n in itertools.count(1) if smallest(n) <= threshold)
    return Allowance(things, count, needed, smallest(count), threshold)
