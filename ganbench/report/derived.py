"""What is derived from a run's curve of its headline metric over training, each with its formula."""

import math

import numpy as np
import pandas as pd

from ganbench.protocol import Dataset
from ganbench.runs import Plan

FORMULAS = {
    "best_to_final": (
        "best / final",
        "the best value over training divided by the last one (for metrics where higher is better, last by best): "
        "1 if the end is the best, towards 0 if the run got worse again",
    ),
    "steps_to_threshold": (
        "steps to threshold",
        "the first measured step at which the metric is at least as good as the threshold; none if no step is, "
        "and then all that is known is that it takes more steps than there were",
    ),
    "oscillation": (
        "oscillation",
        "over the last half of the measured steps, the standard deviation of the values about their "
        "least-squares line, divided by the mean of their sizes",
    ),
    "mode_drops": (
        "mode drops",
        "how many times a measured step has at least two modes fewer than the one before",
    ),
}
"""Column, its title, and how it is computed, all from the snapshots of the raw weights."""


def best_to_final(values: np.ndarray, direction: str) -> float:
    """Between 0 and 1; NaN where a ratio means nothing (values that are not positive, unless the last is the best), and
    for a diagnostic, of which no value is better than another."""
    if direction == "none":
        return math.nan
    best = values.min() if direction == "lower" else values.max()
    if best == values[-1]:
        return 1.0
    worse, better = (values[-1], best) if direction == "lower" else (best, values[-1])
    return float(better / worse) if worse > 0 and better >= 0 else math.nan


def steps_to_threshold(steps: np.ndarray, values: np.ndarray, threshold: float, direction: str) -> float:
    """The first step that is good enough; NaN if none is, and for a diagnostic."""
    if direction == "none":
        return math.nan
    reached = values <= threshold if direction == "lower" else values >= threshold
    return float(steps[reached][0]) if reached.any() else math.nan


def oscillation(steps: np.ndarray, values: np.ndarray) -> float:
    """0 or more; NaN with fewer than three values in the last half, or if they are all 0."""
    steps, values = steps[len(steps) // 2 :], values[len(values) // 2 :]
    size = np.abs(values).mean() if len(values) else 0.0
    if len(values) < 3 or size == 0:
        return math.nan
    line = np.polyval(np.polyfit(steps, values, 1), steps)
    return float(np.sqrt(((values - line) ** 2).sum() / (len(values) - 2)) / size)


def mode_drops(modes: np.ndarray) -> int:
    """Falls by two modes or more."""
    return int((np.diff(modes) < -1).sum())


def thresholds(plan: Plan, evaluations: pd.DataFrame) -> dict[tuple[str, str], float]:
    """By dataset and architecture: the study's threshold, else the median of what the runs end with."""
    found = {}
    for (label, architecture), curves in _curves(evaluations).groupby(["dataset", "architecture"], sort=False):
        dataset = plan.datasets[str(label)]
        ends = curves.sort_values("step").groupby(["method", "seed"])[_watched(dataset)].last()
        given = dataset.evaluation.threshold
        found[str(label), str(architecture)] = float(ends.median()) if given is None else given
    return found


def table(plan: Plan, evaluations: pd.DataFrame) -> pd.DataFrame:
    """A row per run that has a curve: dataset, architecture, method, seed, and the columns of FORMULAS."""
    limits = thresholds(plan, evaluations)
    names = ["dataset", "architecture", "method", "seed"]
    rows = []
    for key, curve in _curves(evaluations).groupby(names, sort=False):
        dataset = plan.datasets[str(key[0])]
        headline, direction = _watched(dataset), dataset.headline.trait("direction")
        modes = next((n for n, m in dataset.watched.items() if m.card.name == "modes-captured"), None)
        defined = curve.sort_values("step").dropna(subset=[headline])
        steps, values = defined["step"].to_numpy(float), defined[headline].to_numpy(float)
        row = dict(zip(names, key, strict=True))
        if len(values):
            row["best_to_final"] = best_to_final(values, direction)
            row["steps_to_threshold"] = steps_to_threshold(steps, values, limits[str(key[0]), str(key[1])], direction)
            row["oscillation"] = oscillation(steps, values)
        if modes is not None:
            row["mode_drops"] = mode_drops(curve.sort_values("step")[modes].dropna().to_numpy(float))
        rows.append(row)
    return pd.DataFrame(rows, columns=[*names, *FORMULAS])


def _curves(evaluations: pd.DataFrame) -> pd.DataFrame:
    return evaluations[(evaluations.checkpoint == "snapshot") & (evaluations.weights == "raw")]


def _watched(dataset: Dataset) -> str:
    """The headline's name on the smaller sample."""
    return next(iter(dataset.watched))
