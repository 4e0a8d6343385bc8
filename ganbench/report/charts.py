"""The numbers that the page draws its interactive charts from, as small JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ganbench.report.collect import Pair, Results
from ganbench.report.figures import DIAGNOSTICS

POINTS = 100_000
"""At most so many points of diagnostics in a page; with more runs each keeps fewer."""
FEWEST = 20

Chart = dict[str, Any]


def learning(results: Results, pair: Pair) -> Chart | None:
    """The watched metrics over steps and seconds, a line per run and weights. None where nothing was watched."""
    measures = list(results.datasets[pair[0]].watched.values())
    lines = []
    for (row, seed), run in results.curve(pair).groupby(["row", "seed"], sort=False):
        lines.append(
            {
                "row": results.rows.index(str(row)),
                "seed": int(str(seed)),
                "x": [_short(run["step"]), _short(run["seconds"])],
                "y": [_short(run[measure.name]) for measure in measures],
            }
        )
    if not lines:
        return None
    return {
        "rows": results.rows,
        "x": ["generator step", "seconds of training"],
        "y": [f"{measure.trait('title')} ({measure.samples:,} samples)" for measure in measures],
        "lines": lines,
    }


def diagnostics(results: Results, pair: Pair, histories: Mapping[str, pd.DataFrame]) -> Chart | None:
    """The history of every run, as thinned by `thinned`."""
    lines = []
    for run in results.runs_of(pair):
        of = histories[run.id]
        if not of.empty:
            lines.append(
                {
                    "row": results.rows.index(run.method),
                    "seed": run.seed,
                    "x": [_short(of["step"]), _short(of["seconds"])],
                    "y": [_short(of[column]) for column in DIAGNOSTICS],
                }
            )
    if not lines:
        return None
    x = ["generator step", "seconds of training"]
    return {"rows": results.rows, "x": x, "y": list(DIAGNOSTICS.values()), "lines": lines}


def thinned(results: Results) -> dict[str, pd.DataFrame]:
    """The history of every run by id, evenly thinned so that all runs fit a page; the last row is kept."""
    keep = max(FEWEST, POINTS // (len(DIAGNOSTICS) * len(results.planned)))
    found = {}
    for run in results.planned.values():
        history = results.history(run)
        at = np.unique(np.linspace(0, len(history) - 1, min(keep, len(history))).round().astype(int))
        found[run.id] = history.iloc[at]
    return found


def embedded(charts: Mapping[str, Chart]) -> str:
    """JSON that cannot end the element that it lies in."""
    text = json.dumps(charts, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _short(values: "pd.Series[Any]") -> list[float | int | None]:
    """Four significant digits; integers as they are; None for what is no number."""
    return [_rounded(float(value)) for value in values]


def _rounded(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 1e9 else float(f"{value:.4g}")
