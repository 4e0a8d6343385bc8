"""The stability of a ranking."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.stats.stability import stability

NAN = math.nan
number = st.one_of(st.integers(0, 4).map(float), st.just(NAN))


def test_by_hand() -> None:
    found = stability([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]], "lower")
    assert found.flips.tolist() == [3, 1, 0]
    assert found.tau.tolist() == pytest.approx([-1, 1 / 3, 1])
    assert found.pairs == 3


def test_failed_runs_are_worst_and_equal_and_ties_are_an_order() -> None:
    found = stability([[NAN, NAN, 1.0], [1.0, 2.0, 2.0], [2.0, 3.0, 1.0]], "lower")
    assert found.flips.tolist() == [1, 2, 0]  # the tie of the failed; 1 and 3, and the tie of 2 and 3
    assert stability([[NAN, 5.0], [2.0, 1.0]], "lower").flips.tolist() == [0, 0]
    assert math.isnan(stability([[1.0, 1.0], [2.0, 1.0]], "lower").tau[0])


@given(st.lists(st.permutations(range(5)), min_size=1, max_size=5))
def test_without_ties_tau_counts_the_flips(steps: list[list[int]]) -> None:
    found = stability(steps, "higher")
    assert found.tau == pytest.approx(1 - 2 * found.flips / found.pairs)
    assert (stability(steps, "lower").flips == found.flips).all()


@given(st.lists(st.lists(number, min_size=4, max_size=4), min_size=1, max_size=4))
def test_it_is_scipys_and_only_the_order_counts(steps: list[list[float]]) -> None:
    found = stability(steps, "lower")
    worst = np.where(np.isnan(steps), 99.0, steps)  # a failed run as a number above all
    truth = [stats.kendalltau(row, worst[-1]).statistic for row in worst]
    np.testing.assert_allclose(found.tau, truth, atol=1e-12)
    assert (stability(np.exp(steps), "lower").flips == found.flips).all()
    assert (stability(np.array(steps)[:, ::-1], "lower").flips == found.flips).all()
    assert found.flips[-1] == 0


@pytest.mark.parametrize("wrong", [[1.0, 2.0], np.ones((3, 1)), np.ones((0, 3))])
def test_what_is_no_ranking_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="two methods"):
        stability(wrong, "lower")  # type: ignore[arg-type]
