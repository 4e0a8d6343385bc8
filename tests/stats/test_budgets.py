"""The expected best of k trials: against all subsets, and how often its band holds it."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.stats.budgets import budget, expected_best, expected_best_biased

NAN = math.nan
trials = st.lists(st.floats(0.1, 10), min_size=2, max_size=8)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_it_is_the_mean_over_all_subsets(k: int) -> None:
    values = np.random.default_rng(0).lognormal(size=8).tolist()
    subsets = list(itertools.combinations(values, k))
    assert expected_best(values, k, "lower") == pytest.approx(np.mean([min(s) for s in subsets]))
    assert expected_best(values, k, "higher") == pytest.approx(np.mean([max(s) for s in subsets]))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_biased_one_is_the_mean_over_all_draws_with_replacement(k: int) -> None:
    values = np.random.default_rng(0).lognormal(size=4).tolist()
    draws = list(itertools.product(values, repeat=k))
    assert expected_best_biased(values, k, "lower") == pytest.approx(np.mean([min(d) for d in draws]))
    assert expected_best_biased(values, k, "higher") == pytest.approx(np.mean([max(d) for d in draws]))


def test_one_has_no_bias_and_the_other_has() -> None:
    rng = np.random.default_rng(0)
    draws = rng.lognormal(3, 0.8, (4000, 20))
    truth = _truth(lambda p: np.exp(3 + 0.8 * stats.norm.ppf(p)), [10])[0]
    for estimate, biased in ((expected_best, False), (expected_best_biased, True)):
        found = np.array([estimate(row, 10, "lower") for row in draws])
        error = (found.mean() - truth) / (found.std() / math.sqrt(len(found)))
        assert error > 8 if biased else abs(error) < 3


@pytest.mark.parametrize("k", [0, 4, 7])
def test_more_than_half_of_the_trials_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match="at most half"):
        expected_best([1.0] * 7, k, "lower")


def test_what_cannot_be_a_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="two trials"):
        budget([1.0], "lower", "plain")
    with pytest.raises(ValueError, match="above 0"):
        budget([1.0, 0.0], "lower", "log")
    with pytest.raises(ValueError, match="no number"):
        expected_best_biased([1.0], 0, "lower")


def test_a_failed_trial_counts_as_the_worst_that_finished() -> None:
    found = budget([3.0, NAN, 1.0, 2.0], "lower", "plain")
    assert (found.trials, found.failed, found.k) == (4, 1, (1, 2))
    assert found.best.tolist() == pytest.approx(budget([3.0, 3.0, 1.0, 2.0], "lower", "plain").best.tolist())
    assert expected_best([3.0, NAN, 1.0, 2.0], 1, "higher") == pytest.approx(7 / 4)
    assert math.isnan(expected_best([NAN, NAN], 1, "lower"))
    assert np.isnan(budget([NAN, NAN], "lower", "log").low).all()


def test_the_curve_is_the_points_and_equal_trials_have_no_band() -> None:
    values = np.random.default_rng(1).lognormal(size=9)
    found = budget(values, "lower", "log")
    assert found.k == (1, 2, 3, 4)
    assert found.best.tolist() == pytest.approx([expected_best(values, k, "lower") for k in found.k])
    assert found.biased.tolist() == pytest.approx([expected_best_biased(values, k, "lower") for k in found.k])
    assert np.isnan(budget([2.0] * 6, "lower", "log").high).all()


def test_the_band_of_one_trial_is_students_of_the_mean() -> None:
    values = np.random.default_rng(2).normal(size=12)
    found = budget(values, "higher", "plain")
    low, high = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))


@given(trials, st.randoms(use_true_random=False))
def test_more_trials_are_never_worse_and_the_order_is_free(values: list[float], random: object) -> None:
    lower, higher = budget(values, "lower", "plain"), budget(values, "higher", "plain")
    assert (np.diff(lower.best) <= 1e-12).all()
    assert (np.diff(higher.best) >= -1e-12).all()
    assert lower.best == pytest.approx(-budget(np.negative(values), "higher", "plain").best)
    assert (lower.biased >= lower.best - 1e-9).all()  # drawing with replacement repeats trials
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert budget(shuffled, "lower", "plain").best.tolist() == lower.best.tolist()


@pytest.mark.parametrize("count", [10, 20, 50])
def test_the_band_covers_as_the_docstring_says(count: int) -> None:
    rng = np.random.default_rng(count)
    ks = range(1, count // 2 + 1)
    for scale, quantile, least in (
        ("log", lambda p: np.exp(3 + 0.8 * stats.norm.ppf(p)), 0.87),
        ("plain", stats.norm.ppf, 0.82),
    ):
        truth = _truth(quantile, ks)
        bands = [budget(row, "lower", scale) for row in quantile(rng.random((400, count)))]  # type: ignore[arg-type]
        covered = np.mean([(b.low <= truth) & (truth <= b.high) for b in bands], axis=0)
        assert covered.min() > least - 0.045
        assert covered[0] > 0.88
        assert covered.max() < 0.98


def _truth(quantile: object, ks: object) -> np.ndarray:
    """The expected least of k, over a fine grid of the chances of the least."""
    grid = (np.arange(100_000) + 0.5) / 100_000
    return np.array([np.mean(quantile(1 - (1 - grid) ** (1 / k))) for k in ks])  # type: ignore[operator,attr-defined]
