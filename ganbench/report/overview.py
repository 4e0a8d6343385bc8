"""Figures of the whole study: ranks, performance profiles, cost, and whether the ranking was stable."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ganbench.report.across import Ranks, Tasks, cliques
from ganbench.report.collect import Results
from ganbench.report.drawing import INK, Drawing, finish, legend, logarithmic, looks, plain, style
from ganbench.report.spread import Ranking
from ganbench.report.standing import Standing


def ranks(results: Results, table: dict[str, list[float | None]]) -> Drawing:
    """The mean rank of each method in each column, as a heat map."""
    columns = ["\n".join(map(plain, pair)) for pair in results.pairs]
    frame = pd.DataFrame(table, index=columns, dtype=float).T
    with style():
        figure, axes = plt.subplots(figsize=(1.6 + 0.85 * len(columns), 0.9 + 0.3 * len(frame)))
        best = frame.min().to_numpy()
        texts = [[_rank(v, b) for v, b in zip(row, best, strict=True)] for row in frame.to_numpy()]
        sns.heatmap(
            frame, annot=np.array(texts), fmt="", cmap="cividis_r", cbar=False, vmin=1, vmax=len(frame), linewidths=1,
            yticklabels=[plain(row) for row in frame.index], ax=axes,
        )  # fmt: skip
        axes.grid(visible=False)
        axes.tick_params(length=0, labelrotation=0)
        axes.xaxis.tick_top()
        return finish(figure, "ranks", "Mean rank over seeds by method and dataset, 1 is best; the best has a star")


def _rank(value: float, best: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}{' ★' if value == best else ''}"


def profiles(tasks: Tasks) -> Drawing:
    """The share of runs above each normalised score, with its band."""
    found = looks(list(tasks.profiles))
    with style():
        figure, axes = plt.subplots(figsize=(5.6, 3.0))
        for place, (row, of) in enumerate(tasks.profiles.items()):
            look = found[row]
            axes.fill_between(of.taus, of.low, of.high, color=look.colour, alpha=0.1, linewidth=0)
            axes.plot(
                of.taus, of.share, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4,
                markevery=(place % 8, 8), linewidth=1.3,
            )  # fmt: skip
        axes.set(xlabel="normalised score (0: baseline, 1: real data)", ylabel="share of runs above")
        axes.set_ylim(-0.02, 1.02)
        legend(axes, list(tasks.profiles), found)
        return finish(figure, "profiles", "Performance profiles: the share of runs above each normalised score")


def diagram(found: Ranks) -> Drawing:
    """The average ranks on a line; a bar joins methods that the pairwise tests do not tell apart."""
    order = sorted(found.methods, key=lambda method: found.average[method])
    groups, half = cliques(found), math.ceil(len(order) / 2)
    with style():
        figure, axes = plt.subplots(figsize=(6.4, 0.9 + 0.22 * half + 0.14 * len(groups)))
        axes.set(xlim=(0.5, len(order) + 0.5), ylim=(-half - 0.14 * len(groups) * 3 - 0.5, 0.5))
        for place, method in enumerate(order):
            left = place < half
            level = -(place if left else len(order) - 1 - place) - 1 - 0.4 * len(groups)
            x, edge = found.average[method], 0.5 if left else len(order) + 0.5
            axes.plot([x, x, edge], [0, level, level], color=INK, linewidth=0.8)
            axes.annotate(
                f"{plain(method)} ({x:.2f})", (edge, level), (-4 if left else 4, 0),
                textcoords="offset points", ha="right" if left else "left", va="center",
            )  # fmt: skip
        for place, group in enumerate(groups):
            ends = [found.average[group[0]] - 0.04, found.average[group[-1]] + 0.04]
            axes.plot(ends, [-0.4 * (place + 1)] * 2, color=INK, linewidth=3.5, solid_capstyle="butt")
        axes.spines[:].set_visible(False)
        axes.spines["top"].set_visible(True)
        axes.spines["top"].set_position(("data", 0))
        axes.grid(visible=False)
        axes.set(yticks=[], xticks=range(1, len(order) + 1))
        axes.xaxis.tick_top()
        title = f"Average ranks over {len(found.datasets)} datasets; a bar joins methods that are not told apart"
        return finish(figure, "critical-differences", title)


def cost(results: Results, standings: dict[str, Standing]) -> Drawing:
    """Quality against the median seconds of training; a line joins the methods that none beats in both."""
    found, columns = looks(results.methods), min(3, len(results.pairs))
    lines = math.ceil(len(results.pairs) / columns)
    with style(8):
        figure, panels = plt.subplots(lines, columns, figsize=(3.1 * columns, 2.5 * lines), squeeze=False)
        figure.subplots_adjust(hspace=0.45, wspace=0.35)
        for axes, pair in zip(panels.flat, results.pairs, strict=False):
            standing = standings[results.headline(pair[0])]
            cells = {row: cell for row, cell in standing.column(pair).items() if row in results.methods}
            seconds = {m: _seconds(results, pair, m) for m in cells}
            shown = {m: (seconds[m], c.value) for m, c in cells.items() if np.isfinite(c.value)}
            for method, (x, y) in shown.items():
                look = found[method]
                axes.scatter(x, y, s=34, color=look.colour, marker=look.marker, zorder=3, linewidths=0)
            front = pareto(shown, standing.direction)
            axes.plot([shown[m][0] for m in front], [shown[m][1] for m in front], color=INK, linewidth=0.8, zorder=2)
            if logarithmic([y for _, y in shown.values()]):
                axes.set_yscale("log")
            if logarithmic([x for x, _ in shown.values()]):
                axes.set_xscale("log")
            axes.set_title(plain(", ".join(pair)), loc="left")
            axes.set(xlabel="seconds per run", ylabel=plain(standing.title))
        for axes in panels.flat[len(results.pairs) :]:
            axes.set_visible(False)
        legend(panels[0, columns - 1], results.methods, found)
        return finish(figure, "cost", "Quality against seconds of training, with the Pareto front")


def pareto(points: dict[str, tuple[float, float]], direction: str) -> list[str]:
    """The names of which no other is at least as cheap and as good, and better in one; the cheapest first."""
    if direction not in ("lower", "higher"):
        return []
    sign = 1.0 if direction == "lower" else -1.0
    front, least = [], math.inf
    for name, (_, quality) in sorted(points.items(), key=lambda item: (item[1][0], sign * item[1][1])):
        if sign * quality < least:
            front.append(name)
            least = sign * quality
    return front


def _seconds(results: Results, pair: tuple[str, str], method: str) -> float:
    runs = results.runs
    of = runs[(runs.dataset == pair[0]) & (runs.architecture == pair[1]) & (runs.method == method)]
    return float(of.seconds.median())


def rankings(found: list[Ranking]) -> Drawing:
    """Kendall's tau of the ranking at each step with the last one."""
    names = [", ".join(of.pair) for of in found]
    look = looks(names)
    with style():
        figure, axes = plt.subplots(figsize=(5.6, 2.4))
        for name, of in zip(names, found, strict=True):
            share = np.array(of.steps) / of.steps[-1]
            drawn = look[name]
            axes.plot(share, of.found.tau, color=drawn.colour, linestyle=drawn.dash, marker=drawn.marker, markersize=4)
        axes.set(xlabel="share of the training budget", ylabel="Kendall's τ with the end", ylim=(-1.05, 1.08))
        legend(axes, names, look)
        return finish(figure, "stability", "How alike the ranking of methods at each step is to that at the end")
