"""The probability of improvement: against scipy, by hand, and how often its interval holds it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from montecarlo import off
from scipy import stats

from ganbench.stats.improvement import improvement, paired_improvement
from ganbench.stats.intervals import Interval

NAN = math.nan
run = st.one_of(st.integers(0, 6).map(float), st.just(NAN))
runs = st.lists(run, min_size=1, max_size=6)


def test_by_hand_with_ties_and_failures() -> None:
    assert improvement([1.0, 2.0], [2.0, 3.0], "lower").probability == 3.5 / 4
    assert improvement([1.0, 2.0], [2.0, 3.0], "higher").probability == 0.5 / 4
    assert improvement([1.0, NAN], [2.0, NAN], "lower").probability == 2.5 / 4  # wins: 2 of 1.0; a tie of the failed
    assert paired_improvement([1.0, 2.0, NAN, NAN], [2.0, 2.0, 1.0, NAN], "lower").events == 2.0


@pytest.mark.parametrize(("m", "n"), [(3, 3), (4, 7), (10, 5)])
def test_u_is_scipys(m: int, n: int) -> None:
    rng = np.random.default_rng(m)
    x, y = rng.normal(0.5, 1, m).round(1), rng.normal(0, 1, n).round(1)
    assert improvement(x, y, "higher").probability * m * n == pytest.approx(stats.mannwhitneyu(x, y).statistic)


@pytest.mark.parametrize(("m", "n"), [(3, 3), (4, 7), (10, 10)])
def test_the_interval_solves_newcombes_equation(m: int, n: int) -> None:
    """In the form with one fraction, 2N - 1 - (3N - 3) / ((2 - t)(1 + t)) with N the mean of m and n."""
    rng = np.random.default_rng(n)
    found = improvement(rng.normal(0.7, 1, m), rng.normal(0, 1, n), "higher")
    size = (m + n) / 2
    for end in (found.interval.low, found.interval.high):
        if end in (0, 1):
            continue
        variance = end * (1 - end) / (m * n) * (2 * size - 1 - (3 * size - 3) / ((2 - end) * (1 + end)))
        assert (found.probability - end) ** 2 == pytest.approx(1.959964**2 * variance, rel=1e-5)


@given(runs, runs)
def test_swapping_gives_the_rest_and_the_mirrored_interval(first: list[float], second: list[float]) -> None:
    here, there = improvement(first, second, "lower"), improvement(second, first, "lower")
    assert here.probability + there.probability == pytest.approx(1)
    assert here.interval.low == pytest.approx(1 - there.interval.high, abs=1e-6)
    assert 0 <= here.interval.low < here.interval.high <= 1
    assert here.interval.low - 1e-12 <= here.probability <= here.interval.high + 1e-12


@given(runs, runs, st.data())
def test_a_better_run_never_makes_it_less(first: list[float], second: list[float], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(first) - 1))
    better = [*first[:at], -1.0, *first[at + 1 :]]
    assert improvement(better, second, "lower").probability >= improvement(first, second, "lower").probability
    assert improvement(better, second, "lower").interval.low >= improvement(first, second, "lower").interval.low - 1e-9


@given(runs, runs)
def test_only_the_order_counts(first: list[float], second: list[float]) -> None:
    assert improvement(first, second, "lower") == improvement(np.exp(first), np.exp(second), "lower")
    assert improvement(first[::-1], second, "lower") == improvement(first, second, "lower")


def test_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="both methods"):
        improvement([], [1.0], "lower")
    with pytest.raises(ValueError, match="no pairs"):
        paired_improvement([1.0], [1.0, 2.0], "lower")


@pytest.mark.parametrize(
    ("count", "spreads", "least"),
    [(3, (1, 1), 0.89), (3, (0.5, 2), 0.825), (5, (1, 1), 0.925), (5, (0.5, 2), 0.9), (10, (1, 1), 0.93)],
)
def test_newcombes_interval_covers_as_the_docstring_says(
    count: int, spreads: tuple[float, float], least: float
) -> None:
    rng = np.random.default_rng(count)
    intervals = {wins: _interval(wins, count) for wins in range(count**2 + 1)}
    covered = []
    for shift in (0, 0.5, 1, 2):
        x = rng.normal(shift, spreads[0], (3000, count, 1))
        y = rng.normal(0, spreads[1], (3000, 1, count))
        truth = float(stats.norm.cdf(shift / math.hypot(*spreads)))
        covered.append(np.mean([truth in intervals[int(wins)] for wins in (x > y).sum((1, 2))]))
    assert least < min(covered) < max(covered) < 0.985
    if count == 3 and spreads == (1, 1):  # no difference: all wins or none, 2 of 20 orders, leave out 1/2
        assert off(round(covered[0] * 3000), 3000, 0.9) < 4


def _interval(wins: int, count: int) -> Interval:
    """The interval of so many wins, from runs that have them."""
    second = np.arange(count) + 0.5
    full, rest = divmod(wins, count)
    first = np.zeros(count)
    first[:full] = count
    if rest:
        first[full] = rest
    found = improvement(first, second, "higher")
    assert found.probability == pytest.approx(wins / count**2)
    return found.interval
