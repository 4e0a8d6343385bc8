"""What counts allow: against the least p that scipy's exact tests give, and by search."""

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.stats import counts


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 8])
def test_the_smallest_p_are_those_of_the_tests(n: int) -> None:
    apart, beside = np.arange(n), np.arange(n) + 100.0
    assert counts.smallest_paired_p(n) == pytest.approx(stats.wilcoxon(apart + 1, method="exact").pvalue)
    exact = stats.mannwhitneyu(apart, beside, method="exact").pvalue
    assert counts.smallest_unpaired_p(n, n) == pytest.approx(exact)


def test_known_values() -> None:
    assert counts.smallest_unpaired_p(3, 3) == 0.1
    assert counts.smallest_unpaired_p(5, 5) == pytest.approx(2 / 252)
    assert counts.smallest_friedman_p(3, 3) == pytest.approx(1 / 36)
    assert counts.smallest_friedman_p(3, 0) == counts.smallest_paired_p(0) == counts.smallest_unpaired_p(0, 0) == 1


@pytest.mark.parametrize(("methods", "needed"), [(2, 6), (3, 7), (4, 8), (5, 9), (8, 11)])
def test_datasets_needed_for_any_pair_after_holm(methods: int, needed: int) -> None:
    tests = math.comb(methods, 2)
    assert 2.0 ** (1 - needed) <= 0.05 / tests < 2.0 ** (2 - needed)
    found = counts.datasets(needed, methods)
    assert found.enough
    assert found.needed == needed
    assert not counts.datasets(needed - 1, methods).enough


def test_seeds_needed() -> None:
    assert counts.paired_seeds(3).needed == 6
    assert counts.unpaired_seeds(3).needed == 4
    assert counts.unpaired_seeds(5, methods=5).needed == 6
    assert counts.friedman_datasets(2, 3).needed == 3
    exactly = counts.paired_seeds(6, alpha=2**-5)  # at most alpha, as Holm rejects
    assert exactly.enough
    assert exactly.needed == 6
    assert not counts.paired_seeds(5, alpha=0.03125).enough


def test_the_page_can_say_it() -> None:
    assert counts.paired_seeds(3).text == (
        "no conclusion: 3 seeds, at least 6 needed (the smallest reachable p is 0.25, it must be at most 0.05)"
    )
    assert counts.datasets(9, 5).text == "9 datasets allow a conclusion (at least 9 needed)"


@pytest.mark.parametrize(("methods", "alpha"), [(1, 0.05), (0, 0.05), (2, 0.0), (2, 1.0)])
def test_what_allows_no_question_is_refused(methods: int, alpha: float) -> None:
    for ask in (counts.paired_seeds, counts.datasets, counts.unpaired_seeds, counts.friedman_datasets):
        with pytest.raises(ValueError, match="two methods"):
            ask(5, methods, alpha)
