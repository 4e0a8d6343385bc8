"""Figures of a search: what a budget buys, each parameter against the objective, all parameters at once, the front."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ganbench.parameters import Parameter, as_option
from ganbench.report.collect import Pair, Tuned
from ganbench.report.drawing import INK, PALETTE, Drawing, finish, legend, logarithmic, looks, plain, style
from ganbench.report.numerals import number
from ganbench.stats.budgets import Budget

BEST, OWN, OTHERS = PALETTE[3], PALETTE[2], PALETTE[0]
MOST_COLUMNS = 4


def budgets(pair: Pair, found: dict[str, Budget], title: str, log: bool) -> Drawing:
    """The expected best of k trials of each method, with its band."""
    shown = looks(list(found))
    with style():
        figure, axes = plt.subplots(figsize=(5.2, 3.0))
        for method, of in found.items():
            look = shown[method]
            axes.fill_between(of.k, of.low, of.high, color=look.colour, alpha=0.12, linewidth=0)
            axes.plot(
                of.k, of.best, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4, linewidth=1.3
            )
        if log:
            axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="trials", ylabel=f"expected best {plain(title)}")
        legend(axes, list(found), shown)
        return finish(figure, f"budget_{'_'.join(pair)}", f"Expected best of k trials, {', '.join(pair)}")


def slices(of: Tuned, title: str) -> Drawing:
    """Each parameter of a search against the first objective, a mark per trial. Trials without a number are crosses at
    the lower edge."""
    chosen = of.search.parameters
    columns = min(len(chosen), MOST_COLUMNS)
    rows = -(-len(chosen) // columns)
    with style():
        figure, panels = plt.subplots(
            rows, columns, figsize=(0.6 + 2.3 * columns, 2.4 * rows), sharey=True, squeeze=False
        )
        figure.subplots_adjust(wspace=0.12, hspace=0.45)
        for axes, parameter in zip(panels.flat, chosen, strict=False):
            _slice(axes, of, parameter)
        for axes in panels.flat[len(chosen) :]:
            axes.set_visible(False)
        values = [value for value in of.firsts if np.isfinite(value)]
        if logarithmic(values):
            panels[0, 0].set_yscale("log")
        for axes in panels[:, 0]:
            axes.set_ylabel(plain(title))
        marks = (("trial", OTHERS, "o"), ("own setting", OWN, "s"), ("best", BEST, "*"), ("without a number", INK, "x"))
        handles = [Line2D([], [], color=c, marker=m, linestyle="", label=text) for text, c, m in marks]
        panels[0, -1].legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
        name = f"slices_{of.search.cell.replace('/', '_')}"
        return finish(figure, name, f"Each parameter against the objective, {of.search.cell}")


def _slice(axes: Axes, of: Tuned, parameter: Parameter) -> None:
    """One parameter: the trials that have it, the best and the own setting last, on top."""
    for place, trial in _on_top(of):
        if parameter.path not in trial["values"]:
            continue
        x, value = _place(parameter, trial["values"][parameter.path]), of.firsts[place]
        if not np.isfinite(value):
            axes.plot([x], [0.02], "x", color=INK, transform=axes.get_xaxis_transform(), markersize=5, clip_on=False)
        else:
            colour, marker, size = _mark(of, place)
            axes.plot([x], [value], marker=marker, color=colour, markersize=size, alpha=0.85, linestyle="")
    _scale(axes, parameter)
    axes.set_xlabel(plain(parameter.path))


def parallel(of: Tuned, title: str) -> Drawing:
    """Every trial as a line over the parameters, each on its own axis, and the objective; the best quarter in
    colour. A line breaks where a trial does not have a parameter."""
    chosen = of.search.parameters
    values = np.array(of.firsts)
    log = logarithmic(values[np.isfinite(values)].tolist())
    heights = np.log(values) if log else values
    held = heights[np.isfinite(heights)]
    low, high = (float(held.min()), float(held.max())) if held.size else (0.0, 1.0)
    best = set(of.best_quarter)
    with style():
        figure, axes = plt.subplots(figsize=(1.2 + 1.5 * len(chosen), 2.9))
        for place, trial in _on_top(of):
            line = [_unit(p, trial["values"].get(p.path)) for p in chosen]
            line.append((heights[place] - low) / ((high - low) or 1) if np.isfinite(heights[place]) else np.nan)
            colour, _, _ = _mark(of, place)
            width, alpha = (1.6, 0.95) if place in (0, of.winner) else (1.1, 0.8) if place in best else (0.7, 0.3)
            grey = place not in best and place not in (0, of.winner)
            axes.plot(range(len(line)), line, color=INK if grey else colour, alpha=alpha, linewidth=width)
        for x, parameter in enumerate(chosen):
            _ends(axes, x, *_bounds(parameter))
        _ends(
            axes, len(chosen), number(float(np.exp(low)) if log else low), number(float(np.exp(high)) if log else high)
        )
        axes.set(xlim=(-0.1, len(chosen) + 0.1), ylim=(-0.16, 1.16), yticks=[])
        axes.set_xticks(range(len(chosen) + 1), [plain(p.path) for p in chosen] + [plain(title)])
        axes.tick_params(axis="x", length=0, pad=8)
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
        for x in range(len(chosen) + 1):
            axes.axvline(x, ymin=0.12, ymax=0.88, color=INK, linewidth=0.8, alpha=0.6)
        name = f"parallel_{of.search.cell.replace('/', '_')}"
        return finish(figure, name, f"All trials over all parameters, {of.search.cell}")


def front(of: Tuned, titles: Sequence[str]) -> Drawing:
    """Two objectives against each other; the front is joined."""
    points = np.array([of.values(place) for place in range(len(of.trials))], dtype=float)[:, :2]
    with style():
        figure, axes = plt.subplots(figsize=(3.8, 3.0))
        for place, _ in _on_top(of):
            colour, marker, size = _mark(of, place)
            axes.plot(*points[place], marker=marker, color=colour, markersize=size, alpha=0.85, linestyle="")
        joined = points[of.best["front"]]
        joined = joined[np.argsort(joined[:, 0])]
        axes.plot(joined[:, 0], joined[:, 1], color=INK, linewidth=0.9, zorder=0)
        for axis, values in ((axes.set_xscale, points[:, 0]), (axes.set_yscale, points[:, 1])):
            if logarithmic(values[np.isfinite(values)].tolist()):
                axis("log")
        axes.set(xlabel=plain(titles[0]), ylabel=plain(titles[1]))
        name = f"front_{of.search.cell.replace('/', '_')}"
        return finish(figure, name, f"Pareto front, {of.search.cell}")


def _on_top(of: Tuned) -> list[tuple[int, dict[str, Any]]]:
    """The trials by place, those to be seen last."""
    return sorted(enumerate(of.trials), key=lambda item: (item[0] == of.winner, item[0] == 0, item[0]))


def _mark(of: Tuned, place: int) -> tuple[str, str, float]:
    """Colour, marker and size of a trial."""
    if place == of.winner:
        return BEST, "*", 11
    return (OWN, "s", 6) if place == 0 else (OTHERS, "o", 4.5)


def _place(parameter: Parameter, value: Any) -> float:
    """Where a value is on the parameter's axis."""
    shape, *rest = parameter.space
    return (
        [as_option(option) for option in rest].index(as_option(value))
        if shape == "choice" and value in rest
        else (float("nan") if shape == "choice" else float(value))
    )


def _unit(parameter: Parameter, value: Any) -> float:
    """Where a value is between the ends of its space, 0 to 1; NaN for none, and cut at the ends."""
    if value is None:
        return float("nan")
    shape, *rest = parameter.space
    at = _place(parameter, value)
    low, high = (0.0, len(rest) - 1.0) if shape == "choice" else (float(rest[0]), float(rest[1]))
    if shape == "log":
        at, low, high = np.log(max(at, 1e-300)), np.log(low), np.log(high)
    return float(np.clip((at - low) / (high - low), -0.05, 1.05))


def _bounds(parameter: Parameter) -> tuple[str, str]:
    shape, *rest = parameter.space
    return (str(rest[0]), str(rest[-1])) if shape in ("choice", "int") else (_short(rest[0]), _short(rest[1]))


def _short(value: float) -> str:
    """A bound with one or two digits; two decimals are the most that a drawing keeps."""
    return f"{value:.2g}" if value == 0 or 0.01 <= abs(value) < 1000 else f"{value:.0e}".replace("e-0", "e-")


def _ends(axes: Axes, x: float, low: str, high: str) -> None:
    axes.text(x, -0.04, plain(low), ha="center", va="top", fontsize=7.5)
    axes.text(x, 1.04, plain(high), ha="center", va="bottom", fontsize=7.5)


def _scale(axes: Axes, parameter: Parameter) -> None:
    """The axis of a parameter, from end to end of its space."""
    shape, *rest = parameter.space
    if shape == "choice":
        axes.set_xlim(-0.5, len(rest) - 0.5)
        axes.set_xticks(range(len(rest)), [plain(str(option)) for option in rest])
        return
    low, high = float(rest[0]), float(rest[1])
    if shape == "log":
        axes.set_xscale("log")
        axes.set_xlim(low / (high / low) ** 0.05, high * (high / low) ** 0.05)
    else:
        axes.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
