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
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from safetensors.numpy import load_file

from ganbench import layout
from ganbench.report.collect import Results, history
from ganbench.runs import Run

INK = "#123457"  # stands for the page's text colour, and is replaced by it
PALETTE = sns.color_palette("colorblind")
SIDES = ("discriminator, real", "generator, fake")
CURVES = {
    "loss": ("discriminator_loss", "generator_loss"),
    "score": ("real_score", "fake_score"),
    "gradient norm": ("discriminator_gradient", "generator_gradient"),
}

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
    metric, methods = results.headline(dataset), results.rows
    of = results.evaluations
    rows = of[(of.dataset == dataset) & (of.architecture == architecture) & (of.checkpoint == "final")]
    rows = rows.dropna(subset=[metric])
    real = results.references[dataset]["real"][metric]
    means = rows.groupby("row")[metric].mean()
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.2, 0.6 + 0.34 * len(methods)))
        shown = [*rows[metric], *([] if real is None else [real])]
        if shown and min(shown) > 0 and max(shown) / min(shown) > 50:
            axes.set_xscale("log")
        sns.swarmplot(
            rows, x=metric, y="row", hue="row", order=methods, hue_order=methods, size=5, ax=axes,
            palette=_colours(methods), legend=False,
        )  # fmt: skip
        for method, mean in means.items():
            place = methods.index(str(method))
            axes.plot([mean, mean], [place - 0.3, place + 0.3], color=INK, linewidth=1.5)
        if real is not None:
            axes.axvline(real, color=INK, linestyle=":", linewidth=1)
        title, better = (results.measures[metric].trait(trait) for trait in ("title", "direction"))
        legend = "dotted: real data" if better == "none" else f"{better} is better; dotted: real data"
        axes.set(xlabel=f"{_literal(title)} ({legend})", ylabel="")
        return _svg(figure, f"{title} of every seed, {dataset}, {architecture}")


def over_training(results: Results, dataset: str, architecture: str) -> str:
    """The headline metric of every seed on the snapshots' smaller sample, against steps and against seconds."""
    metric, measure = next(iter(results.plan.datasets[dataset].watched.items()))
    points = results.curve(dataset, architecture).dropna(subset=[metric])
    if points.empty:
        return ""
    lines = pd.concat([points.assign(at=points[x], against=x) for x in ("step", "seconds")])
    rows = [row for row in results.rows if row in set(lines.row)]
    with mpl.rc_context(STYLE):
        grid = sns.relplot(
            lines, x="at", y=metric, col="against", hue="row", hue_order=rows, style="row", style_order=rows,
            units="seed", estimator=None, kind="line", linewidth=1.1, alpha=0.9, palette=_colours(rows), dashes=False,
            markers=True, markersize=4, height=2.6, aspect=1.35, facet_kws={"sharex": False},
        )  # fmt: skip
        if lines[metric].min() > 0 and lines[metric].max() / lines[metric].min() > 50:
            grid.set(yscale="log")
        grid.set_titles("")
        grid.set_ylabels(f"{_literal(measure.trait('title'))}\n({measure.samples:,} samples)")
        for axes, label in zip(grid.axes[0], ("generator step", "seconds of training"), strict=True):
            axes.set_xlabel(label)
        if grid.legend is not None:
            grid.legend.set_title(None)
        title = measure.trait("title")
        return _svg(grid.figure, f"{title} over training, every seed, {dataset}, {architecture}")


def scatter(results: Results, dataset: str, architecture: str, runs: Sequence[Run]) -> str:
    """Samples of one run per method over the true modes."""
    modes = results.references[dataset]["modes"]
    centres = np.asarray(modes["centres"])
    reach = 1.3 * float(np.abs(centres).max())
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(runs), figsize=(2.0 * len(runs), 2.2), squeeze=False)
        colours = _colours(results.methods)
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
            axes.spines[:].set_visible(True)
        figure.tight_layout()
        return _svg(figure, f"Samples over the true modes, {dataset}, {architecture}, one panel per method")


def curves(results: Results, dataset: str, architecture: str) -> str:
    """Losses, scores and gradient norms of every seed: a column per method, a row per quantity."""
    runs = [run for run in results.plan.runs if (run.dataset, run.architecture) == (dataset, architecture)]
    lines = pd.concat([_lines(history(results.plan, run), run) for run in runs])
    if lines.empty:
        return ""
    marker = "o" if lines["step"].nunique() == 1 else None  # a line of one point cannot be seen
    with mpl.rc_context({**STYLE, "font.size": 8}):
        grid = sns.relplot(
            lines, x="step", y="value", row="quantity", col="method", hue="side", style="side",
            units="seed", estimator=None, kind="line", linewidth=0.9, alpha=0.9, palette=[PALETTE[0], PALETTE[3]],
            marker=marker,
            height=1.55, aspect=1.35, facet_kws={"sharey": False, "margin_titles": True},
        )  # fmt: skip
        grid.set_titles(row_template="{row_name}", col_template="{col_name}")
        grid.set_axis_labels("generator step", "")
        for axes in grid.axes[-1]:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=6))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        sns.move_legend(grid, "upper center", bbox_to_anchor=(0.5, 1.05), ncols=2, title=None, frameon=False)
        return _svg(grid.figure, f"Training curves of every seed, {dataset}, {architecture}, one column per method")


def _lines(rows: pd.DataFrame, run: Run) -> pd.DataFrame:
    """The history in long form: a row per step, quantity and side."""
    parts = [
        pd.DataFrame({"step": rows["step"], "value": rows[column], "quantity": quantity, "side": SIDES[i]})
        for quantity, columns in CURVES.items()
        for i, column in enumerate(columns)
        if column in rows
    ]
    return pd.concat(parts).assign(method=run.method, seed=run.seed) if parts else pd.DataFrame()


def _colours(methods: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """A colour per method, from a palette that colour-blind readers can tell apart."""
    return {method: PALETTE[index % len(PALETTE)] for index, method in enumerate(methods)}


def _literal(text: str) -> str:
    """A metric's own words, in which a dollar is a dollar: matplotlib would read formulas between them."""
    return text.replace("$", r"\$")


def _svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element with a name for screen readers; the same bytes for the same data."""
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", dpi=150, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg width="([\d.]+)pt" height="[\d.]+pt"', r'<svg style="width:\1pt"', svg, count=1)
    for index, colour in enumerate(PALETTE):  # the style sheet has a lighter set for dark pages
        svg = svg.replace(mpl.colors.to_hex(colour), f"var(--hue-{index})")
    label = name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace(INK, "currentColor").replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
