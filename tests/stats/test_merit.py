"""The one order of runs: both directions, and failed runs below every number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.stats.merit import finished, merit

anything = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=8)


def test_lower_and_higher() -> None:
    assert merit([1.0, 2.0], "higher").tolist() == [1.0, 2.0]
    assert merit([1.0, 2.0], "lower").tolist() == [-1.0, -2.0]


@pytest.mark.parametrize("failed", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_a_failed_run_is_below_every_number(failed: float, direction: str) -> None:
    found = merit([-1e308, failed, 1e308], direction)  # type: ignore[arg-type]
    assert found.argmin() == 1
    assert finished([-1e308, failed, 1e308]).tolist() == [True, False, True]


@given(anything)
def test_no_merit_is_nan(values: list[float]) -> None:
    assert all(m < math.inf for m in merit(values, "lower"))


def test_another_direction_is_refused() -> None:
    with pytest.raises(KeyError):
        merit([1.0], "sideways")  # type: ignore[arg-type]
