"""Intervals: against scipy, and how often they hold the truth."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from montecarlo import off
from scipy import stats

from ganbench.stats.intervals import average, on_scale, scale_of, share, wilson

NAN = math.nan
values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8).filter(lambda v: np.ptp(v) > 1e-3)
TIMES = 4000


def test_student_is_scipys() -> None:
    found = average([1.0, 2.0, 4.0, 8.0], "plain")
    low, high = stats.t.interval(0.95, 3, 3.75, stats.sem([1, 2, 4, 8]))
    assert (found.value, found.count, found.scale) == (3.75, 4, "plain")
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert (found.interval.level, found.interval.method) == (0.95, "Student t")


def test_on_the_log_scale_the_mean_is_geometric() -> None:
    found = average([1.0, 2.0, 4.0, 8.0], "log", 0.9)
    low, high = stats.t.interval(0.9, 3, 1.5, stats.sem([0, 1, 2, 3]))
    assert found.value == pytest.approx(2**1.5)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((2**low, 2**high))
    assert (found.interval.level, found.interval.method) == (0.9, "Student t of the logarithms")


@pytest.mark.parametrize("few", [[], [3.0], [3.0, 3.0, 3.0]])
def test_without_spread_there_is_no_interval(few: list[float]) -> None:
    for scale in ("log", "plain"):
        found = average(few, scale)
        assert found.interval is None
        assert found.count == len(few)
        assert found.value == pytest.approx(3.0) if few else math.isnan(found.value)


def test_failed_runs_and_wrong_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="failed runs"):
        average([1.0, NAN], "plain")
    with pytest.raises(ValueError, match="above 0"):
        average([1.0, 0.0], "log")


def test_the_scale_of_a_metric() -> None:
    assert scale_of([1.0, 2.0, NAN]) == "log"
    assert scale_of([1.0, 0.0]) == "plain"
    assert scale_of([1.0, -1e-9]) == "plain"
    assert scale_of([NAN]) == "plain"
    np.testing.assert_equal(on_scale([1.0, NAN, math.inf], "log"), [0.0, NAN, NAN])


@given(values, st.randoms(use_true_random=False), st.floats(-100, 100))
def test_order_does_not_matter_and_a_shift_shifts(found: list[float], random: object, by: float) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second, moved = average(found, "plain"), average(shuffled, "plain"), average(np.add(found, by), "plain")
    assert first.interval
    assert second.interval
    assert moved.interval
    assert (first.value, first.interval.low) == pytest.approx((second.value, second.interval.low), abs=1e-9)
    assert moved.interval.high == pytest.approx(first.interval.high + by, abs=1e-6)
    assert first.value in first.interval


@given(values)
def test_a_higher_level_is_wider(found: list[float]) -> None:
    narrow, wide = average(found, "plain", 0.8).interval, average(found, "plain", 0.95).interval
    assert narrow
    assert wide
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("count", [3, 5, 10])
def test_student_of_logarithms_covers_a_lognormal_median(count: int) -> None:
    """And what is often printed in its place does not: no t, n instead of n - 1, percentiles of a bootstrap."""
    draws = np.random.default_rng(count).lognormal(3, 0.2, (TIMES, count))
    held = sum(math.exp(3) in average(row, "log").interval for row in draws)  # type: ignore[operator]
    assert off(held, TIMES, 0.95) < 4
    logs = np.log(draws)
    error, sd = np.abs(logs.mean(1) - 3), logs.std(1, ddof=1)
    t = stats.t.ppf(0.975, count - 1)
    normal = np.mean(error <= 1.96 * sd / math.sqrt(count))
    biased = np.mean(error <= t * logs.std(1) / math.sqrt(count))
    no_root = np.mean(error <= t * sd)
    picks = np.random.default_rng(0).integers(0, count, (400, count))
    low, high = np.percentile(logs[:1000, picks].mean(2), [2.5, 97.5], axis=1)
    bootstrap = np.mean((low <= 3) & (high >= 3))
    expected = {3: (0.81, 0.92, 0.73), 5: (0.88, 0.93, 0.83), 10: (0.92, 0.94, 0.90)}[count]
    assert (normal, biased, bootstrap) == pytest.approx(expected, abs=0.025)
    assert no_root > 0.97


def test_plain_student_covers_a_mean_of_lognormal_runs_nearly() -> None:
    for count, least in ((3, 0.93), (10, 0.93)):
        draws = np.random.default_rng(count).lognormal(3, 0.2, (TIMES, count))
        held = sum(math.exp(3.02) in average(row, "plain").interval for row in draws)  # type: ignore[operator]
        assert held / TIMES > least


@pytest.mark.parametrize(("events", "count"), [(0, 3), (1, 3), (3, 3), (2, 10), (7, 20)])
def test_wilson_is_scipys(events: int, count: int) -> None:
    found = share(events, count)
    truth = stats.binomtest(events, count).proportion_ci(method="wilson")
    assert (found.interval.low, found.interval.high) == pytest.approx((truth.low, truth.high), abs=1e-12)
    assert found.value == events / count
    assert found.value in found.interval


def test_wilson_covers_on_average_over_all_shares() -> None:
    """Exactly, from the binomial: no interval of so few outcomes covers 95 % at every share."""
    shares = np.linspace(0.005, 0.995, 199)
    for count in (3, 5, 10, 20):
        low, high = wilson(np.arange(count + 1), count)
        held = (low[:, None] <= shares) & (shares <= high[:, None])
        covered = (stats.binom.pmf(np.arange(count + 1)[:, None], count, shares) * held).sum(0)
        assert 0.945 < covered.mean() < 0.965
        assert covered.min() > 0.82


@given(st.integers(1, 40), st.data())
def test_wilson_grows_with_the_events_and_mirrors(count: int, data: st.DataObject) -> None:
    events = data.draw(st.integers(0, count))
    here, mirrored = share(events, count), share(count - events, count)
    assert here.interval.low == pytest.approx(1 - mirrored.interval.high, abs=1e-12)
    assert 0 <= here.interval.low < here.interval.high <= 1
    assume(events < count)
    after = share(events + 1, count)
    assert after.interval.low > here.interval.low
    assert after.interval.high > here.interval.high


@pytest.mark.parametrize(("events", "count"), [(1, 0), (4, 3), (-1, 3), (NAN, 3)])
def test_what_is_no_share_is_refused(events: float, count: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        share(events, count)
