"""Figures of one dataset and architecture: every seed, learning curves, diagnostics."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.ticker import FixedLocator, NullLocator

from ganbench.report.collect import Pair, Results
from ganbench.report.drawing import INK, Drawing, finish, legend, logarithmic, looks, plain, style
from ganbench.report.standing import Standing

DIAGNOSTICS = {
    "discriminator_loss": "discriminator loss",
    "generator_loss": "generator loss",
    "real_score": "score of real samples",
    "fake_score": "score of generated samples",
    "discriminator_gradient": "gradient norm, discriminator",
    "generator_gradient": "gradient norm, generator",
}
"""Columns of a run's history, and what they are called."""

MOST_MARKERS = 600
"""With more points than these only the last one of a line has a marker."""


def seeds(results: Results, pair: Pair, standing: Standing) -> Drawing:
    """Every seed of every method on the dataset's headline metric, with the average and its interval. A seed has the
    same height within each row; a failed run is a cross at the edge."""
    cells, found = standing.column(pair), looks(results.rows)
    real = standing.real[standing.columns.index(pair)]
    values = {row: np.array(cell.summary.values) for row, cell in cells.items()}
    shown = [v for of in values.values() for v in of[np.isfinite(of)]] + ([] if real is None else [real])
    with style():
        figure, axes = plt.subplots(figsize=(5.2, 0.7 + 0.34 * len(cells)))
        if logarithmic(shown):
            axes.set_xscale("log")
        for place, (row, cell) in enumerate(cells.items()):
            heights = place + 0.5 * (np.arange(cell.seeds) / max(1, cell.seeds - 1) - 0.5) * (cell.seeds > 1)
            look, held = found[row], np.isfinite(values[row])
            axes.scatter(
                values[row][held], heights[held], s=22, color=look.colour, marker=look.marker, alpha=0.85, linewidths=0
            )
            failed = (~held).sum()
            if failed:
                axes.text(1.01, place, f"✕ {failed} failed", transform=axes.get_yaxis_transform(), va="center")
            if np.isfinite(cell.value):
                axes.plot([cell.value] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.6)
            interval = cell.summary.average.interval
            if interval is not None:
                axes.plot([interval.low, interval.high], [place, place], color=INK, linewidth=1.1)
        if shown and not logarithmic(shown):  # an interval of three seeds may be far wider than the data
            room = 0.12 * (max(shown) - min(shown) or 1)
            axes.set_xlim(min(shown) - room, max(shown) + room)
        elif shown:
            axes.set_xlim(min(shown) / 1.6, max(shown) * 1.6)
        if real is not None:
            axes.axvline(real, color=INK, linestyle=":", linewidth=1)
        axes.set(ylim=(len(cells) - 0.5, -0.5), yticks=range(len(cells)), yticklabels=[plain(row) for row in cells])
        better = "" if standing.direction == "none" else f"{standing.direction} is better; "
        axes.set_xlabel(f"{plain(standing.title)} ({better}dotted: real data)")
        return finish(figure, f"seeds_{'_'.join(pair)}", f"{standing.title} of every seed, {', '.join(pair)}")


def training(results: Results, pair: Pair) -> Drawing | None:
    """The headline metric of every seed on the snapshots' smaller sample, against steps and against seconds."""
    measure = results.watched(pair[0])
    points = results.curve(pair).dropna(subset=[measure.name])
    if points.empty:
        return None
    rows, found = [row for row in results.rows if row in set(points["row"])], looks(results.rows)
    with style():
        figure, panels = plt.subplots(1, 2, figsize=(8.4, 2.9), sharey=True)
        figure.subplots_adjust(wspace=0.06)
        for axes, x in zip(panels, ("step", "seconds"), strict=True):
            for row in rows:
                look = found[row]
                for _, run in points[points["row"] == row].groupby("seed"):
                    axes.plot(
                        run[x], run[measure.name], color=look.colour, linestyle=look.dash, linewidth=1, alpha=0.85,
                        marker=look.marker, markersize=3, markevery=1 if len(points) <= MOST_MARKERS else [-1],
                    )  # fmt: skip
            axes.set_xlabel("generator step" if x == "step" else "seconds of training")
        if logarithmic(points[measure.name].tolist()):
            panels[0].set_yscale("log")
        panels[0].set_ylabel(f"{plain(measure.trait('title'))}\n({measure.samples:,} samples)")
        legend(panels[1], rows, found)
        title = f"{measure.trait('title')} over training, every seed, {', '.join(pair)}"
        return finish(figure, f"training_{'_'.join(pair)}", title)


def diagnostics(results: Results, pair: Pair, histories: Mapping[str, pd.DataFrame]) -> Drawing | None:
    """Losses, scores and gradient norms of every run, a panel per quantity. `histories` by run."""
    runs = [run for run in results.runs_of(pair) if not histories[run.id].empty]
    if not runs:
        return None
    found, methods = looks(results.methods), [m for m in results.methods if m in {run.method for run in runs}]
    with style(8):
        figure, panels = plt.subplots(2, 3, figsize=(8.8, 4.4), sharex=True)
        figure.subplots_adjust(hspace=0.25, wspace=0.25)
        for axes, (column, title) in zip(panels.T.flat, DIAGNOSTICS.items(), strict=True):
            for method in methods:
                lines = [_line(histories[run.id], column) for run in runs if run.method == method]
                drawn: dict[str, Any] = {"color": found[method].colour, "linestyle": found[method].dash}
                axes.add_collection(LineCollection([x for x in lines if len(x)], linewidth=0.8, alpha=0.8, **drawn))
            axes.autoscale()
            axes.set_yscale("log" if "gradient" in column else "symlog")
            axes.yaxis.set_major_locator(_decades(axes.get_ylim(), "gradient" in column))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.set_title(title, loc="left")
        for axes in panels[-1]:
            axes.set_xlabel("generator step")
        legend(panels[0, 2], methods, found)
        return finish(figure, f"diagnostics_{'_'.join(pair)}", f"Diagnostics of every run, {', '.join(pair)}")


def _decades(limits: tuple[float, float], log: bool) -> FixedLocator:
    """Five powers of ten or fewer; on an axis that is linear about 0 with their negatives and 0."""
    high = max(abs(limit) for limit in limits) or 1.0
    low = max(limits[0], high * 1e-8) if log else 1.0
    powers = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(max(high, 10.0))) + 1)
    values = 10.0 ** powers[:: max(1, -(-len(powers) // 5))]
    ticks = values if log else np.concatenate([-values[::-1], [0.0], values])
    return FixedLocator([tick for tick in ticks if limits[0] <= tick <= limits[1]] or [0.0])


def _line(history: pd.DataFrame, column: str) -> np.ndarray:
    """Points (n, 2) of a quantity over steps."""
    if column not in history:
        return np.empty((0, 2))
    points = history[["step", column]].to_numpy(float)
    return np.asarray(points[np.isfinite(points).all(1)])
