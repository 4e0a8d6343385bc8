"""Normalised scores and their interquartile mean."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.stats.tasks import interquartile_mean, normalised

NAN = math.nan
tables = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda size: st.lists(st.floats(-5, 5), min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
        lambda flat: np.reshape(flat, size)
    )
)


def test_normalised_by_hand() -> None:
    found = normalised([[10.0, 6.0], [2.0, 12.0]], baseline=10, floor=2, direction="lower")
    assert found.tolist() == [[0, 0.5], [1, -0.25]]
    assert normalised([0.2, 0.9, 0.55], baseline=0.2, floor=0.9, direction="higher").tolist() == pytest.approx(
        [0, 1, 0.5]
    )
    np.testing.assert_equal(normalised([NAN, math.inf, 2.0], 10, 2, "lower"), [NAN, NAN, 1.0])


@pytest.mark.parametrize(("baseline", "floor", "direction"), [(2, 10, "lower"), (2, 2, "lower"), (9, 2, "higher")])
def test_a_floor_must_be_better_than_the_baseline(baseline: float, floor: float, direction: str) -> None:
    with pytest.raises(ValueError, match="not better"):
        normalised([1.0], baseline, floor, direction)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not better"):
        normalised([1.0], NAN, floor, direction)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (4, 4), (7, 3), (8, 10)])
def test_the_interquartile_mean_is_scipys_trimmed_mean(shape: tuple[int, int]) -> None:
    scores = np.random.default_rng(1).normal(size=shape)
    found = interquartile_mean(scores, seed=0, repetitions=10)
    assert found.value == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))
    assert (found.tasks, found.runs, found.failed) == (*shape, 0)


def test_failed_runs_are_cut_off_first_and_not_dropped() -> None:
    scores = np.arange(1.0, 9).reshape(2, 4)
    assert interquartile_mean(scores, 0, 10).value == 4.5  # of 3, 4, 5, 6
    scores[1, 2:] = NAN
    found = interquartile_mean(scores, 0, 10)
    assert (found.value, found.failed) == (2.5, 2)  # of 1, 2, 3, 4; two failed below, 5 and 6 above
    scores[0, 0] = math.inf  # a failed run too, not the best of all
    found = interquartile_mean(scores, 0)
    assert (found.value, found.failed, found.interval.low) == (-math.inf, 3, -math.inf)


def test_what_is_descriptive() -> None:
    for shape, expected in (((8, 5), False), ((7, 5), True), ((8, 4), True)):
        assert interquartile_mean(np.zeros(shape), 0, 10).descriptive is expected


def test_the_bootstrap_is_seeded_and_within_tasks() -> None:
    scores = np.random.default_rng(2).normal(size=(4, 5))
    assert interquartile_mean(scores, 7) == interquartile_mean(scores, 7)
    assert interquartile_mean(scores, 7).interval != interquartile_mean(scores, 8).interval
    tasks_apart = interquartile_mean(np.tile([[0.0], [1.0], [5.0], [9.0]], 5), 0).interval
    assert (tasks_apart.low, tasks_apart.high) == (3.0, 3.0)  # no run differs: drawing tasks too would give a width


def test_the_bootstrap_has_the_known_error_of_a_mean() -> None:
    """One task of 3 scores: the middle of all, so the mean of 3 draws, and its 27 outcomes are equally likely."""
    found = interquartile_mean([[0.0, 1.0, 2.0]], 0, 20_000)
    assert (found.interval.low, found.interval.high) == (0.0, 2.0)  # 1/27 each is more than 2.5 %
    assert interquartile_mean([[0.0, 1.0, 2.0]], 0, 20_000, 0.9).interval.high == pytest.approx(5 / 3)


@given(tables, st.floats(0.1, 3), st.floats(-3, 3))
def test_scale_and_shift_go_through_and_the_order_is_free(scores: np.ndarray, by: float, to: float) -> None:
    found = interquartile_mean(scores, 0, 20)
    moved = interquartile_mean(scores * by + to, 0, 20)
    assert moved.value == pytest.approx(found.value * by + to, abs=1e-9)
    assert moved.interval.low == pytest.approx(found.interval.low * by + to, abs=1e-9)
    assert interquartile_mean(scores[::-1, ::-1], 0, 20).value == pytest.approx(found.value, abs=1e-12)
    assert scores.min() <= found.interval.low <= found.interval.high <= scores.max()


@given(tables, st.data())
def test_a_better_run_never_lowers_it(scores: np.ndarray, data: st.DataObject) -> None:
    at = data.draw(st.tuples(st.integers(0, scores.shape[0] - 1), st.integers(0, scores.shape[1] - 1)))
    better = scores.copy()
    better[at] += 1
    assert interquartile_mean(better, 0, 20).value >= interquartile_mean(scores, 0, 20).value
    assert interquartile_mean(better, 0, 20).interval.low >= interquartile_mean(scores, 0, 20).interval.low


@pytest.mark.parametrize(("runs", "tasks", "expected"), [(3, 3, 0.81), (5, 3, 0.86), (5, 8, 0.9), (10, 8, 0.93)])
def test_the_interval_covers_as_the_docstring_says(runs: int, tasks: int, expected: float) -> None:
    rng = np.random.default_rng(runs)
    means = np.linspace(0, 1, tasks)[:, None]  # symmetric, so the truth is their middle
    found = [interquartile_mean(rng.normal(means, 0.2, (tasks, runs)), s, 400).interval for s in range(600)]
    assert np.mean([0.5 in interval for interval in found]) == pytest.approx(expected, abs=0.035)
