"""Performance profiles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.stats.profiles import profile


def test_by_hand() -> None:
    found = profile([[0.1, 0.5], [0.9, math.nan]], [-1.0, 0.1, 0.5, 2.0])
    assert found.share.tolist() == [0.75, 0.5, 0.25, 0]  # above, not at; the failed one is above nothing
    truth = stats.binomtest(3, 4).proportion_ci(method="wilson")
    assert (found.low[0], found.high[0]) == pytest.approx((truth.low, truth.high))
    assert found.low[-1] == 0 < found.high[-1]


@given(st.lists(st.one_of(st.floats(-2, 2), st.just(math.nan)), min_size=1, max_size=12))
def test_it_falls_and_the_order_is_free(scores: list[float]) -> None:
    taus = np.linspace(-3, 3, 13)
    found = profile([scores], taus)
    assert (np.diff(found.share) <= 0).all()
    assert ((found.low <= found.share + 1e-12) & (found.share <= found.high + 1e-12)).all()
    assert (profile(np.reshape(scores[::-1], (-1, 1)), taus).share == found.share).all()
    better = [score + 0.5 for score in scores]
    assert (profile([better], taus).share >= found.share).all()


@pytest.mark.parametrize("apart", [0.0, 2.0])
def test_the_band_covers_also_where_tasks_differ(apart: float) -> None:
    rng = np.random.default_rng(0)
    tasks = np.linspace(-apart, apart, 4)[:, None]
    taus = np.array([-1.0, 0.0, 0.5, 1.5])
    truth = stats.norm.sf(taus - tasks).mean(0)
    found = [profile(rng.normal(tasks, 1, (4, 5)), taus) for _ in range(2000)]
    covered = np.mean([(p.low <= truth) & (truth <= p.high) for p in found], axis=0)
    assert (covered > 0.925).all()  # Wilson's own at 20 runs is .92 to .98
