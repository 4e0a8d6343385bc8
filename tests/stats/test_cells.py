"""The summary of a cell."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.stats.cells import median, summarise

NAN = math.nan


def test_a_whole_cell_by_hand() -> None:
    found = summarise([1.0, 2.0, 6.0], "lower", "plain")
    assert found.values == (1.0, 2.0, 6.0)
    assert (found.mean, found.median) == (3.0, 2.0)
    assert found.sd == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert found.se == pytest.approx(math.sqrt(7 / 3))
    assert found.average.value == 3.0
    assert (found.failures.events, found.failures.count, found.failures.interval.low) == (0, 3, 0.0)
    assert found.complete


def test_the_mean_is_plain_and_the_average_geometric_on_the_log_scale() -> None:
    found = summarise([1.0, 4.0], "lower", "log")
    assert found.average.scale == "log"
    assert (found.mean, found.average.value) == pytest.approx((2.5, 2.0))


def test_failed_runs_stay_and_count() -> None:
    found = summarise([1.0, NAN, 3.0, math.inf, 5.0], "lower", "log")
    np.testing.assert_equal(found.values, (1.0, NAN, 3.0, NAN, 5.0))
    assert (found.mean, found.sd, found.average.count) == (3.0, 2.0, 3)
    assert (found.failures.events, found.failures.count, found.failures.value) == (2, 5, 0.4)
    assert found.median == 5.0  # of 1, 3, 5, failed, failed
    assert not found.complete


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_the_median_is_nan_where_it_is_a_failed_run(direction: str) -> None:
    assert math.isnan(median([1.0, NAN], direction))  # type: ignore[arg-type]
    assert median([1.0, 2.0, NAN], direction) == (2.0 if direction == "lower" else 1.0)  # type: ignore[arg-type]


def test_too_few_runs_have_no_spread() -> None:
    one, none = summarise([2.0], "lower", "log"), summarise([NAN, NAN], "lower", "log")
    assert (one.mean, one.average.interval) == (2.0, None)
    assert math.isnan(one.sd)
    assert math.isnan(one.se)
    assert all(math.isnan(number) for number in (none.mean, none.sd, none.se, none.median, none.average.value))
    assert none.failures.value == 1
    with pytest.raises(ValueError, match="not a share"):
        summarise([], "lower", "plain")


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=7), st.integers(0, 3))
def test_more_failures_make_no_median_better(values: list[float], failures: int) -> None:
    before, after = median(values, "lower"), median([*values, *[NAN] * failures], "lower")
    assert math.isnan(after) or after >= before
