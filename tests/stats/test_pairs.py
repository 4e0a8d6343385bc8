"""Two methods over paired seeds: the size of the difference and its exact p."""

import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from montecarlo import off
from scipy import stats

from ganbench.stats.pairs import compare, gains, winner
from ganbench.stats.signs import signed_rank_p

NAN = math.nan
INF = math.inf
run = st.one_of(st.floats(0.1, 100).map(lambda v: round(v, 3)), st.just(NAN))
pairs = st.lists(st.tuples(run, run), min_size=1, max_size=9)
TIMES = 4000


def all_signs(found: list[float]) -> float:
    """The p by trying all signs of the ranks."""
    ranks = stats.rankdata(np.abs(found)) * (np.array(found) != 0)
    reached = abs(ranks @ np.sign(found))
    sums = [abs(ranks @ np.array(signs)) for signs in itertools.product((-1, 1), repeat=len(found))]
    return float(np.mean([s >= reached - 1e-9 for s in sums]))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 12, 20])
def test_signed_ranks_are_scipys(count: int) -> None:
    found = np.random.default_rng(count).normal(0.5, 1, count)
    assert signed_rank_p(found) == pytest.approx(stats.wilcoxon(found, method="exact").pvalue, abs=1e-12)


@pytest.mark.parametrize(
    "found",
    [
        [1.0, 1.0, 2.0, -2.0, 3.0],
        [0.0, 0.0, 1.0, 2.0, 3.0],
        [0.0, 1.0, -1.0, 1.0],
        [INF, INF, -1.0, 2.0],
        [INF, -INF, 0.0, 3.0, 4.0],
    ],
)
def test_ties_zeros_and_failed_runs_are_exact_too(found: list[float]) -> None:
    assert signed_rank_p(found) == pytest.approx(all_signs(found), abs=1e-12)


@given(st.lists(st.sampled_from([-INF, INF, *range(-4, 5)]), min_size=1, max_size=7))
def test_few_sizes_and_many_ties_are_exact_too(found: list[float]) -> None:
    assert signed_rank_p(found) == pytest.approx(all_signs(found), abs=1e-12)


def test_no_difference_has_p_1_and_nan_is_refused() -> None:
    assert signed_rank_p([]) == signed_rank_p([0.0, 0.0]) == 1.0
    with pytest.raises(ValueError, match="NaN"):
        signed_rank_p([1.0, NAN])


@pytest.mark.parametrize("count", [3, 6, 9])
def test_a_false_conclusion_has_at_most_its_chance(count: int) -> None:
    sizes = np.arange(1, count + 1)
    ps = [signed_rank_p(sizes * np.array(signs)) for signs in itertools.product((-1, 1), repeat=count)]
    for alpha in (0.01, 0.05, 0.1, 0.25):
        assert np.mean(np.array(ps) <= alpha) <= alpha
    assert min(ps) == 2.0 ** (1 - count)


def test_a_difference_by_hand() -> None:
    found = compare([1.0, 2.0, 3.0], [2.0, 4.0, 9.0], "lower", "plain")
    low, high = stats.t.interval(0.95, 2, -3, stats.sem([-1, -2, -6]))
    assert found.effect.value == -3
    assert found.effect.interval is not None
    assert (found.effect.interval.low, found.effect.interval.high) == pytest.approx((low, high))
    assert (found.p, found.smallest_p, found.wins.value, found.incomplete) == (0.25, 0.25, 1.0, 0)
    assert found.better is None


def test_a_ratio_by_hand() -> None:
    found = compare([1.0, 2.0, 4.1, 1.0], [2.0, 4.1, 8.0, 2.0], "lower", "log")
    assert found.effect.value == pytest.approx(0.5)
    assert found.effect.scale == "log"
    assert found.better == "first"
    assert compare([1.0, 2.0, 4.1, 1.0], [2.0, 4.1, 8.0, 2.0], "higher", "log").better == "second"


def test_a_failed_run_loses_and_leaves_the_interval_incomplete() -> None:
    first, second = [1.0, 1.1, 1.2, 1.3, 1.4, 1.0], [2.0, NAN, 2.3, 2.4, 2.9, NAN]
    found = compare(first, second, "lower", "log")
    assert (found.incomplete, found.effect.count) == (2, 4)
    assert found.p == found.smallest_p == 2 / 64
    assert found.wins.events == 6
    assert found.better is None  # not from an interval that knows nothing of two pairs
    assert gains(first, second, "lower", "plain").tolist() == pytest.approx([1, INF, 1.1, 1.1, 1.5, INF])
    assert gains([NAN, NAN], [1.0, NAN], "higher", "log").tolist() == [-INF, 0]
    assert compare([NAN, 1.0], [1.0, NAN], "lower", "plain").effect.count == 0


def test_equal_differences_have_no_interval() -> None:
    found = compare([8.0, 8.0, 7.0], [7.0, 7.0, 6.0], "higher", "plain")
    assert (found.effect.value, found.effect.interval, found.better) == (1.0, None, None)
    rounded = compare([0.99, 0.98, 0.97], [0.98, 0.97, 0.96], "higher", "plain")
    assert (rounded.effect.interval, rounded.better) == (None, None)


def test_unequal_lengths_and_wrong_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        compare([1.0], [1.0, 2.0], "lower", "plain")
    with pytest.raises(ValueError, match="above 0"):
        compare([1.0, -1.0], [1.0, -1.0], "lower", "log")


@pytest.mark.parametrize("scale", ["log", "plain"])
@given(pairs, st.randoms(use_true_random=False))
def test_swapping_the_methods_turns_the_sign_and_the_order_of_seeds_is_free(
    scale: str, both: list[tuple[float, float]], random: Random
) -> None:
    first, second = [list(side) for side in zip(*both, strict=True)]
    here, there = compare(first, second, "lower", scale), compare(second, first, "lower", scale)  # type: ignore[arg-type]
    assert here.p == there.p
    assert here.wins.value == pytest.approx(1 - there.wins.value)
    if here.effect.count:
        turned = 1 / there.effect.value if scale == "log" else -there.effect.value
        assert here.effect.value == pytest.approx(turned, abs=1e-9)
    assert {here.better, there.better} in ({None}, {"first", "second"})
    shuffled = list(both)
    random.shuffle(shuffled)
    first, second = [list(side) for side in zip(*shuffled, strict=True)]
    again = compare(first, second, "lower", scale)  # type: ignore[arg-type]
    assert (again.p, again.wins, again.incomplete) == (here.p, here.wins, here.incomplete)


@given(pairs)
def test_the_other_direction_turns_every_gain(both: list[tuple[float, float]]) -> None:
    first, second = zip(*both, strict=True)
    whole = [a for a in gains(first, second, "lower", "plain") if math.isfinite(a)]
    assert whole == [-a for a in gains(first, second, "higher", "plain") if math.isfinite(a)]


@given(st.lists(st.floats(-10, 10).map(lambda v: round(v, 2)), min_size=1, max_size=8))
def test_p_is_between_the_smallest_and_1(found: list[float]) -> None:
    assert 2.0 ** (1 - len(found)) <= signed_rank_p(found) <= 1


@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_interval_of_a_ratio_covers_and_pairing_makes_it_narrow(count: int) -> None:
    """A seed that is hard for both methods moves both: unpaired, the interval is several times as wide."""
    rng = np.random.default_rng(count)
    seed_effect = rng.normal(0, 0.5, (TIMES, count))
    first = np.exp(3 + seed_effect + rng.normal(0, 0.1, (TIMES, count)))
    second = np.exp(3.2 + seed_effect + rng.normal(0, 0.1, (TIMES, count)))
    found = [compare(x, y, "lower", "log").effect.interval for x, y in zip(first, second, strict=True)]
    held = sum(math.exp(-0.2) in interval for interval in found)  # type: ignore[operator]
    assert off(held, TIMES, 0.95) < 4
    width = np.median([math.log(i.high / i.low) for i in found if i])
    pooled = np.sqrt((np.log(first).var(1, ddof=1) + np.log(second).var(1, ddof=1)) / count)
    assert np.median(2 * stats.t.ppf(0.975, 2 * count - 2) * pooled) > 2.3 * width


@pytest.mark.parametrize(
    ("first", "second", "direction", "better"),
    [
        ([5.0, 6.0, 5.5], [1.0, 2.2, 1.4], "higher", "first"),
        ([5.0, 6.0, 5.5], [1.0, 2.2, 1.4], "lower", "second"),
        ([5.0, 1.0, 3.0], [4.0, 2.0, 3.0], "higher", None),
        ([2.0, 3.0], [1.0, 2.0], "higher", "first"),  # the same difference in both pairs
        ([2.0, 3.0], [2.0, 3.0], "higher", None),
        ([2.0], [1.0], "higher", None),  # one pair says nothing
        ([1.0] * 6, [NAN] * 6, "lower", "first"),
        ([NAN] * 6, [1.0] * 6, "higher", "second"),
        ([1.0] * 5, [NAN] * 5, "lower", None),  # five signs allow no p below 0.06
        ([NAN] * 6, [NAN] * 6, "lower", None),
    ],
)
def test_the_winner_over_paired_seeds(first: list[float], second: list[float], direction: str, better: str) -> None:
    assert winner(first, second, direction) == better  # type: ignore[arg-type]
