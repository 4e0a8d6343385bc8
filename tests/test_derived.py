"""What is derived from curves: by hand, and what must hold of any."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from ganbench.report import derived
from ganbench.report.derived import best_to_final, mode_drops, oscillation, steps_to_threshold

POSITIVE = st.floats(min_value=1e-3, max_value=1e3)
CURVES = st.lists(POSITIVE, min_size=1, max_size=20).map(np.array)
DIRECTIONS = st.sampled_from(["lower", "higher"])
NAMES = ["dataset", "architecture", "method", "seed"]


def steps(values: np.ndarray) -> np.ndarray:
    return 10.0 * np.arange(1, len(values) + 1)


# best / final


@pytest.mark.parametrize(
    ("values", "direction", "expected"),
    [
        ([8.0, 2.0, 4.0], "lower", 0.5),
        ([8.0, 4.0, 2.0], "lower", 1.0),
        ([2.0, 8.0, 4.0], "higher", 0.5),
        ([2.0, 4.0, 8.0], "higher", 1.0),
        ([2.0, 8.0, 0.0], "higher", 0.0),
        ([2.0, 0.0, 4.0], "lower", 0.0),
        ([0.0, 0.0], "lower", 1.0),
        ([-1.0, -1.0], "lower", 1.0),
        ([3.0], "lower", 1.0),
        ([-1.0, 2.0], "lower", math.nan),  # a ratio of numbers of two signs means nothing
        ([-1.0, -2.0], "higher", math.nan),
        ([1.0, 2.0], "none", math.nan),  # of a diagnostic nothing is best
        ([2.0, 2.0], "none", math.nan),
    ],
)
def test_best_to_final_by_hand(values: list[float], direction: str, expected: float) -> None:
    assert best_to_final(np.array(values), direction) == pytest.approx(expected, nan_ok=True)


@given(CURVES, DIRECTIONS)
def test_best_to_final_is_a_share_and_1_just_where_the_end_is_best(values: np.ndarray, direction: str) -> None:
    found = best_to_final(values, direction)
    best = values.min() if direction == "lower" else values.max()
    assert 0 <= found <= 1
    assert (found == 1) == (values[-1] == best)


@given(CURVES, DIRECTIONS, st.sampled_from([0.25, 2.0, 1024.0]))
def test_best_to_final_knows_no_units(values: np.ndarray, direction: str, unit: float) -> None:
    assert best_to_final(unit * values, direction) == best_to_final(values, direction)


# Steps to the threshold


@pytest.mark.parametrize(
    ("values", "direction", "expected"),
    [
        ([8.0, 5.0, 4.0], "lower", 20),  # equal is enough
        ([5.0, 8.0, 8.0], "lower", 10),  # the first time counts, whatever comes later
        ([8.0, 7.0, 6.0], "lower", math.nan),
        ([4.0, 5.0, 6.0], "higher", 20),
        ([4.0, 4.0, 4.0], "higher", math.nan),
        ([4.0, 5.0, 6.0], "none", math.nan),
    ],
)
def test_steps_to_a_threshold_of_5_by_hand(values: list[float], direction: str, expected: float) -> None:
    found = steps_to_threshold(steps(np.array(values)), np.array(values), 5.0, direction)
    assert found == pytest.approx(expected, nan_ok=True)


@given(CURVES, DIRECTIONS, POSITIVE)
def test_an_easier_threshold_is_reached_no_later(values: np.ndarray, direction: str, threshold: float) -> None:
    easier = threshold * 2 if direction == "lower" else threshold / 2
    hard, easy = (steps_to_threshold(steps(values), values, t, direction) for t in (threshold, easier))
    assert math.isnan(hard) or easy <= hard


@given(CURVES, DIRECTIONS)
def test_the_own_end_is_always_reached(values: np.ndarray, direction: str) -> None:
    assert steps_to_threshold(steps(values), values, values[-1], direction) <= steps(values)[-1]


def test_a_threshold_that_is_no_number_is_never_reached() -> None:
    assert math.isnan(steps_to_threshold(np.array([1.0]), np.array([1.0]), math.nan, "lower"))


# Oscillation


def test_oscillation_by_hand() -> None:
    values = np.array([100.0, 0.0, 100.0, 1.0, 2.0, 1.0])  # the last half is 1, 2, 1
    residuals = np.array([-1 / 3, 2 / 3, -1 / 3])  # about the line, which is flat
    expected = math.sqrt((residuals**2).sum() / (3 - 2)) / (4 / 3)
    assert oscillation(steps(values), values) == pytest.approx(expected)


def test_oscillation_about_a_slope_by_hand() -> None:
    values = np.array([*[9.0] * 4, 1.0, 3.0, 3.0, 5.0])  # about 1.2 + 1.2 i
    residuals = np.array([-0.2, 0.6, -0.6, 0.2])
    expected = math.sqrt((residuals**2).sum() / (4 - 2)) / 3
    assert oscillation(steps(values), values) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 0.0, 0.0, 0.0]])
def test_oscillation_is_unknown_of_fewer_than_three_values_and_of_nothing(values: list[float]) -> None:
    assert math.isnan(oscillation(steps(np.array(values)), np.array(values)))


@given(st.floats(-10, 10), st.floats(-10, 10).filter(lambda slope: abs(slope) > 1e-3), st.integers(5, 30))
def test_a_straight_line_does_not_oscillate(start: float, slope: float, count: int) -> None:
    values = start + slope * np.arange(count)
    assert oscillation(steps(values), values) == pytest.approx(0, abs=1e-9)


LONG = st.lists(POSITIVE, min_size=6, max_size=20).map(np.array)


@given(LONG, st.floats(1e-3, 1e3))
def test_oscillation_knows_no_units(values: np.ndarray, unit: float) -> None:
    found = oscillation(steps(values), values)
    assert found >= 0
    assert oscillation(steps(values), unit * values) == pytest.approx(found, rel=1e-6, abs=1e-9)
    assert oscillation(unit * steps(values), values) == pytest.approx(found, rel=1e-6, abs=1e-9)


@given(LONG, st.floats(1, 10))
def test_twice_as_wild_about_the_same_line_oscillates_twice_as_much(values: np.ndarray, wilder: float) -> None:
    place = np.arange(len(values))
    residuals = (values - np.polyval(np.polyfit(place, values, 1), place)) / 1e4
    half = np.ones(len(values))
    once, more = (np.concatenate([half, 10 + factor * residuals]) for factor in (1, wilder))
    found = oscillation(steps(once), once)
    assert oscillation(steps(more), more) == pytest.approx(wilder * found, rel=1e-6, abs=1e-9)


# Mode drops


@pytest.mark.parametrize(
    ("modes", "drops"),
    [
        ([], 0),
        ([8], 0),
        ([1, 4, 8, 8], 0),
        ([8, 7, 8, 7], 0),  # one is within the noise
        ([8, 6, 8, 2], 2),
        ([8, 7, 6, 5], 0),
        ([8, 0], 1),
    ],
)
def test_mode_drops_by_hand(modes: list[float], drops: int) -> None:
    assert mode_drops(np.array(modes, float)) == drops


@given(st.lists(st.integers(0, 25), min_size=1, max_size=30))
def test_modes_drop_at_most_as_often_as_there_are_steps_and_never_while_they_grow(modes: list[int]) -> None:
    assert 0 <= mode_drops(np.array(modes, float)) < len(modes)
    assert mode_drops(np.sort(np.array(modes, float))) == 0


# Tables


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tiny.Place:
    """A study of four runs, which is not carried out."""
    monkeypatch.chdir(tmp_path)
    return study()


def study(**evaluation: Any) -> tiny.Place:
    metrics = {"metrics": ["fd", "modes"], **evaluation}
    return tiny.place(methods=["non-saturating", "wgan"], seeds=[0, 1], evaluation=metrics)


def curves(*runs: tuple[str, int, list[float | None], list[float]], weights: str = "raw") -> pd.DataFrame:
    """Snapshots of fd and modes, the steps in reverse, and a final row that is not to be looked at."""
    rows = []
    for method, seed, values, modes in runs:
        name = {"dataset": "ring8", "architecture": "mlp", "method": method, "seed": seed, "weights": weights}
        rows.append({**name, "checkpoint": "final", "step": 99, "fd_100": 0.0})
        for index, (value, count) in enumerate(zip(values, modes, strict=True), 1):
            found = {"fd_validation_50": value, "modes_validation_50": count}
            rows.insert(0, {**name, "checkpoint": "snapshot", "step": 10 * index, **found})
    watched = ["fd_validation_50", "modes_validation_50"]
    frame = pd.DataFrame(rows, columns=[*NAMES, "weights", "checkpoint", "step", "fd_100", *watched])
    frame[watched] = frame[watched].astype(float)
    return frame


FOUR = (
    ("non-saturating", 0, [8.0, 2.0, 4.0], [8.0, 6.0, 8.0]),
    ("non-saturating", 1, [8.0, 7.0, 6.0], [8.0, 8.0, 8.0]),
    ("wgan", 0, [8.0, 9.0, 10.0], [1.0, 1.0, 1.0]),
    ("wgan", 1, [5.0, 5.0, 5.0], [8.0, 5.0, 2.0]),
)


def test_the_threshold_is_the_median_of_the_ends(place: tiny.Place) -> None:
    assert derived.thresholds(place.plan, curves(*FOUR)) == {("ring8", "mlp"): 5.5}  # of 4, 5, 6, 10


@pytest.mark.usefixtures("place")
def test_a_threshold_of_the_study_is_taken() -> None:
    assert derived.thresholds(study(threshold=7.0).plan, curves(*FOUR)) == {("ring8", "mlp"): 7.0}


@pytest.mark.usefixtures("place")
def test_a_threshold_of_zero_is_a_threshold() -> None:
    assert derived.thresholds(study(threshold=0.0).plan, curves(*FOUR)) == {("ring8", "mlp"): 0.0}


def test_a_row_per_run_by_hand(place: tiny.Place) -> None:
    table = derived.table(place.plan, curves(*FOUR)).set_index(["method", "seed"])
    assert table.loc[("non-saturating", 0), "best_to_final"] == 0.5
    assert table.steps_to_threshold.to_dict() == pytest.approx(
        {("non-saturating", 0): 20, ("non-saturating", 1): math.nan, ("wgan", 0): math.nan, ("wgan", 1): 10},
        nan_ok=True,
    )
    drops = {("non-saturating", 0): 1, ("non-saturating", 1): 0, ("wgan", 0): 0, ("wgan", 1): 2}
    assert table.mode_drops.to_dict() == drops
    assert table.oscillation.isna().all()  # too few steps


def test_averages_are_not_mixed_in(place: tiny.Place) -> None:
    averaged = curves(("wgan", 0, [0.1, 0.1, 0.1], [1.0, 1.0, 1.0]), weights="ema")
    both = pd.concat([curves(*FOUR), averaged])
    pd.testing.assert_frame_equal(
        derived.table(place.plan, both).sort_values(NAMES, ignore_index=True),
        derived.table(place.plan, curves(*FOUR)).sort_values(NAMES, ignore_index=True),
    )


def test_undefined_steps_are_passed_over(place: tiny.Place) -> None:
    table = derived.table(place.plan, curves(("wgan", 0, [8.0, None, 4.0, None], [8.0, 8.0, 8.0, 8.0])))
    assert table.best_to_final.tolist() == [1.0]
    assert table.steps_to_threshold.tolist() == [30.0]


def test_a_curve_that_is_nowhere_defined_has_its_mode_drops_only(place: tiny.Place) -> None:
    (row,) = derived.table(place.plan, curves(("wgan", 0, [None, None], [8.0, 2.0]))).to_dict("records")
    assert row["mode_drops"] == 1
    assert all(math.isnan(row[name]) for name in ("best_to_final", "steps_to_threshold", "oscillation"))


def test_no_curves_make_an_empty_table(place: tiny.Place) -> None:
    empty = derived.table(place.plan, curves(("wgan", 0, [], [])))
    assert list(empty.columns) == [*NAMES, *derived.FORMULAS]
    assert empty.empty


def test_every_column_says_how_it_is_computed() -> None:
    assert list(derived.FORMULAS) == ["best_to_final", "steps_to_threshold", "oscillation", "mode_drops"]
    assert all(title and formula for title, formula in derived.FORMULAS.values())
