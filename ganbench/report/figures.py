"""The figures of the page, as SVG text that takes its ink from the page (so that dark mode works)."""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from safetensors.numpy import load_file

from ganbench import layout
from ganbench.report.collect import Results, history
from ganbench.runs import Run

INK = "#123457"  # stands for the page's text colour, and is replaced by it
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "*")

DASHES: tuple[Any, ...] = ("-", "--")

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ganbench",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.18,
    "grid.color": INK,
    "savefig.transparent": True,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


def seeds(results: Results, dataset: str, architecture: str) -> str:
    """Every seed of every method on the dataset's headline metric, with the mean."""
    metric = results.headline(dataset)
    rows = results.runs[(results.runs.dataset == dataset) & (results.runs.architecture == architecture)]
    methods, values = results.methods, rows[metric].dropna()
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.2, 0.6 + 0.34 * len(methods)))
        for method, marker, colour in _looks(methods):
            found = rows[rows.method == method][metric].dropna()
            place = methods.index(method)
            spread = np.linspace(-0.18, 0.18, len(found)) if len(found) > 1 else [0.0]
            axes.plot(
                found,
                place + np.asarray(spread)[: len(found)],
                marker,
                color=colour,
                alpha=0.85,
                markersize=5,
            )
            if len(found):
                axes.plot([found.mean()] * 2, [place - 0.3, place + 0.3], color=INK, linewidth=1.5)
        real = results.references[dataset]["real"][metric]
        axes.axvline(real, color=INK, linestyle=":", linewidth=1)
        axes.set_yticks(range(len(methods)), methods)
        axes.invert_yaxis()
        if len(values) and values.min() > 0 and real > 0 and values.max() / min(values.min(), real) > 50:
            axes.set_xscale("log")
        arrow = "lower is better" if results.trait(metric, "direction") == "lower" else "higher is better"
        axes.set_xlabel(f"{results.trait(metric, 'title')} ({arrow}; dotted: real data)")
        name = f"{results.trait(metric, 'title')} of every seed, {dataset}, {architecture}"
        return _svg(figure, name)


def scatter(results: Results, dataset: str, architecture: str, runs: Sequence[Run]) -> str:
    """Samples of one run per method over the true modes."""
    modes = results.references[dataset]["modes"]
    centres = np.asarray(modes["centres"])
    reach = 1.3 * float(np.abs(centres).max())
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(runs), figsize=(2.0 * len(runs), 2.2), squeeze=False)
        colours = {method: colour for method, _, colour in _looks(results.methods)}
        for axes, run in zip(panels[0], runs, strict=True):
            path = results.plan.folder(run) / layout.SAMPLES
            axes.scatter(centres[:, 0], centres[:, 1], s=60, facecolors="none", edgecolors=INK, linewidths=0.8)
            if path.exists():
                points = load_file(path)["samples"]
                axes.scatter(
                    points[:, 0],
                    points[:, 1],
                    s=2,
                    alpha=0.35,
                    color=colours[run.method],
                    rasterized=True,
                    linewidths=0,
                )
                outside = float((np.abs(points) > reach).any(1).mean())
                if outside > 0.005:
                    axes.text(0.98, 0.02, f"{outside:.0%} outside", transform=axes.transAxes, ha="right", fontsize=7)
            else:
                axes.text(0.5, 0.5, "diverged", transform=axes.transAxes, ha="center")
            axes.set(
                xlim=(-reach, reach),
                ylim=(-reach, reach),
                aspect="equal",
                xticks=[],
                yticks=[],
                title=run.method,
            )
            axes.grid(visible=False)
        figure.tight_layout()
        return _svg(figure, f"Samples over the true modes, {dataset}, {architecture}, one panel per method")


def curves(results: Results, dataset: str, architecture: str) -> str:
    """Losses, scores and gradient norms of every seed, a column per method."""
    runs = [r for r in results.plan.runs if (r.dataset, r.architecture) == (dataset, architecture)]
    methods = list(dict.fromkeys(run.method for run in runs))
    histories = {run.id: history(results.plan, run) for run in runs}
    rows = (
        ("loss", "discriminator_loss", "generator_loss", ("discriminator", "generator")),
        ("score", "real_score", "fake_score", ("real", "fake")),
        ("gradient norm", "discriminator_gradient", "generator_gradient", ("discriminator", "generator")),
    )
    colours = sns.color_palette("colorblind")
    with mpl.rc_context({**STYLE, "font.size": 8, "axes.titlesize": 9}):
        figure, panels = plt.subplots(
            len(rows), len(methods), figsize=(2.15 * len(methods) + 0.4, 4.9), squeeze=False, sharex=True
        )
        for column, method in enumerate(methods):
            for line, (label, first, second, names) in enumerate(rows):
                axes: Axes = panels[line][column]
                for run in (r for r in runs if r.method == method):
                    _curve(axes, histories[run.id], first, colours[0], "-")
                    _curve(axes, histories[run.id], second, colours[1], "--")
                if label == "gradient norm":
                    axes.set_yscale("log")
                if line == 0:
                    axes.set_title(method)
                if column == 0:
                    axes.set_ylabel(label)
                    keys = [Line2D([], [], color=colours[i], linestyle=dash) for i, dash in enumerate(DASHES)]
                    axes.legend(keys, names, frameon=False, fontsize=7, handlelength=1.6, loc="best")
        for axes in panels[-1]:
            axes.set_xlabel("generator step")
        figure.tight_layout(pad=0.4)
        return _svg(figure, f"Training curves of every seed, {dataset}, {architecture}, one column per method")


def _curve(axes: Axes, rows: pd.DataFrame, column: str, colour: object, dash: str) -> None:
    if column in rows:
        axes.plot(rows["step"], rows[column], dash, color=colour, linewidth=0.8, alpha=0.8)


def _looks(methods: Sequence[str]) -> list[tuple[str, str, tuple[float, float, float]]]:
    """A marker and a colour per method: never colour alone."""
    palette = sns.color_palette("colorblind", max(len(methods), 1))
    return [(m, MARKERS[i % len(MARKERS)], palette[i % len(palette)]) for i, m in enumerate(methods)]


def _svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element with a name for screen readers; the same bytes for the same data."""
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", dpi=150, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    width, height = (float(re.search(rf'{side}="([\d.]+)pt"', svg).group(1)) for side in ("width", "height"))  # type: ignore[union-attr]
    svg = re.sub(r'<svg width="[\d.]+pt" height="[\d.]+pt"', f'<svg style="width:{width * 4 / 3:.0f}px"', svg, count=1)
    label = name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    del height
    return svg.replace(INK, "currentColor").replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
