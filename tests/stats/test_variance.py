"""The split of the variance into training and sampling."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from montecarlo import off
from scipy import stats

from ganbench.stats.variance import variance_split

NAN = math.nan
TIMES = 2000


def test_by_hand_from_the_table_of_the_analysis_of_variance() -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 5.0], [9.0, 7.0, 8.0]])
    found = variance_split(values)
    assert found.sampling == pytest.approx(1.0)
    assert found.training == pytest.approx(9 - 1 / 3)  # means 2, 5, 8; less a third of the sampling variance
    assert found.share == pytest.approx((26 / 3) / (29 / 3))
    assert (found.runs, found.samples, found.failed) == (3, 3, 0)
    f = stats.f_oneway(*values).statistic
    assert f == pytest.approx(1 + 3 * found.training / found.sampling)


def test_a_share_below_0_is_0_and_no_variance_has_no_share() -> None:
    found = variance_split([[0.0, 10.0], [10.0, 0.0], [1.0, 9.5]])
    assert (found.training, found.share) == (0.0, 0.0)
    assert found.interval is not None
    assert found.interval.low == 0.0
    still = variance_split(np.ones((3, 2)))
    assert (still.training, still.sampling, still.interval) == (0.0, 0.0, None)
    assert math.isnan(still.share)
    assert variance_split([[1.0, 1.0], [2.0, 2.0]]).share == 1.0


def test_failed_runs_are_counted_and_hold_no_samples() -> None:
    found = variance_split([[1.0, 2.0], [NAN, NAN], [4.0, NAN], [5.0, 6.0]])
    assert (found.runs, found.failed) == (4, 2)
    assert found.training == variance_split([[1.0, 2.0], [5.0, 6.0]]).training
    few = variance_split([[1.0, 2.0], [NAN, NAN]])
    assert (few.interval, few.failed) == (None, 1)
    assert math.isnan(few.training)
    with pytest.raises(ValueError, match="two samples"):
        variance_split([[1.0], [2.0]])


def test_the_parts_have_no_bias() -> None:
    """Where training varies enough that the cut at 0 is far."""
    rng = np.random.default_rng(0)
    draws = rng.normal(0, 2, (TIMES, 8, 1)) + rng.normal(0, 1, (TIMES, 8, 4))
    found = [variance_split(values) for values in draws]
    for part, truth in (("training", 4.0), ("sampling", 1.0)):
        numbers = np.array([getattr(split, part) for split in found])
        assert abs(numbers.mean() - truth) < 4 * numbers.std() / math.sqrt(TIMES)


@pytest.mark.parametrize(
    ("runs", "samples", "sd", "expected"), [(3, 3, 1.0, 0.95), (5, 4, 2.0, 0.95), (5, 3, 0.0, 0.975)]
)
def test_the_interval_of_the_share_covers(runs: int, samples: int, sd: float, expected: float) -> None:
    """At a share of 0 only the lower end can miss it."""
    rng = np.random.default_rng(runs)
    truth = sd**2 / (sd**2 + 1)
    draws = rng.normal(0, sd, (TIMES, runs, 1)) + rng.normal(0, 1, (TIMES, runs, samples))
    held = sum(truth in variance_split(values).interval for values in draws)  # type: ignore[operator]
    assert off(held, TIMES, expected) < 4


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-5, 5))
def test_scale_shift_and_order(seed: int, by: float, to: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(4, 1)) + rng.normal(size=(4, 3))
    here, there = variance_split(values), variance_split(rng.permutation(values * by + to))
    assert there.sampling == pytest.approx(here.sampling * by**2)
    assert there.share == pytest.approx(here.share, abs=1e-9)
    assert here.interval is not None
    assert here.interval.low - 1e-12 <= here.share <= here.interval.high + 1e-12
