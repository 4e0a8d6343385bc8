"""The responses as small curves: a row per metric, side by side the corruptions."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from ganbench import files
from ganbench.sanity.corruptions import Corruption
from ganbench.sanity.responses import BAR, Responses, Verdict

MOST = 1000.0
"""Changes are cut at this many spreads; one of a metric without spread is drawn here."""

BLUE, _, _, RED, *_ = sns.color_palette("colorblind")
MARKS: dict[Verdict, dict[str, Any]] = {
    "notices": {"marker": "o", "color": BLUE, "markersize": 4},
    "misses": {"marker": "s", "markerfacecolor": "white", "color": "0.35", "markersize": 4},
    "fooled": {"marker": "X", "color": RED, "markersize": 6},
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ganbench",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.linewidth": 0.5,
    "axes.edgecolor": "0.7",
    "xtick.major.size": 0,
    "xtick.color": "0.3",
    "ytick.color": "0.3",
    "ytick.major.size": 2,
}


def draw(responses: Responses, path: Path) -> None:
    """Write the figure as SVG; the same bytes for the same responses."""
    measures, corruptions = responses.dataset.measures, responses.corruptions
    places = _places(corruptions)
    with mpl.rc_context(STYLE):
        figure, rows = plt.subplots(
            len(measures), 1, sharex=True, sharey=True, squeeze=False,
            figsize=(0.27 * (places[-1][-1] + 2), 0.56 * len(measures) + 0.8), gridspec_kw={"hspace": 0.12},
        )  # fmt: skip
        for axes, (name, measure) in zip(rows[:, 0], measures.items(), strict=True):
            axes.axhspan(-BAR, BAR, color="0.92", linewidth=0)
            for corruption, x in zip(corruptions, places, strict=True):
                _curve(axes, responses, name, corruption, x)
            axes.set_yscale("symlog", linthresh=BAR, linscale=0.7)
            axes.set(ylim=(-4 * MOST, 4 * MOST), xlim=(-1, places[-1][-1] + 1))
            axes.yaxis.set_major_locator(FixedLocator([-MOST, -BAR, BAR, MOST]))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.set_yticklabels([f"−{MOST:g}", f"−{BAR:g}", f"{BAR:g}", f"{MOST:g}"], fontsize=6)
            title = measure.trait("title").replace(", ", ",\n")
            axes.set_ylabel(title, rotation=0, ha="right", va="center", labelpad=4)
        for corruption, x in zip(corruptions, places, strict=True):
            rows[0, 0].text(np.mean(x), 6 * MOST, corruption.title.replace(" ", "\n", 1), ha="center", va="bottom")
        labels = [text for corruption in corruptions for text in ("real", *map("{:g}".format, corruption.steps))]
        rows[-1, 0].set_xticks(np.concatenate(places), labels, fontsize=6, rotation=90)
        handles = [mpl.lines.Line2D([], [], linestyle="", label=verdict, **mark) for verdict, mark in MARKS.items()]
        figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.06), ncols=3, frameon=False)
        with files.replacing(path) as temporary:
            figure.savefig(temporary, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        plt.close(figure)


def _places(corruptions: Sequence[Corruption]) -> list[NDArray[np.int64]]:
    """Where the steps of each corruption are on the common axis, real data first, with a gap between corruptions."""
    places, start = [], 0
    for corruption in corruptions:
        places.append(np.arange(start, start + len(corruption.steps) + 1))
        start += len(corruption.steps) + 2
    return places


def _curve(axes: Axes, responses: Responses, metric: str, corruption: Corruption, x: NDArray[np.int64]) -> None:
    """The change at each step in spreads of real data, upwards what the metric calls worse."""
    changes = [0.0, *(_worse(responses, metric, values[metric]) for values in responses.spoilt[corruption.title])]
    axes.plot(x, changes, color="0.55", linewidth=1)
    for mark, style in MARKS.items():
        at = [step for step, verdict in enumerate(responses.verdicts(metric, corruption.title), 1) if verdict == mark]
        axes.plot(x[at], [changes[step] for step in at], linestyle="", **style)
    if x[0]:
        axes.axvline(float(x[0]) - 1, color="0.8", linewidth=0.5)


def _worse(responses: Responses, metric: str, value: float | None) -> float:
    """The change in spreads, positive for worse; any change is for a metric without a direction. NaN if undefined."""
    real, spread = responses.real[metric], responses.spread[metric]
    if value is None or real is None or spread is None:
        return math.nan
    direction = responses.dataset.measures[metric].trait("direction")
    change = {"lower": value - real, "higher": real - value, "none": abs(value - real)}[direction]
    return float(np.clip(change / spread if spread else math.copysign(math.inf, change) if change else 0, -MOST, MOST))
