"""How figures look, and how they leave matplotlib: as SVG that takes its ink from the page (so that dark mode works),
and as files for a paper."""

import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's text colour, and is replaced by it
PALETTE = [mpl.colors.to_hex(colour) for colour in sns.color_palette("colorblind")]
"""Ten colours that colour-blind readers can tell apart; the style sheet has a lighter set for dark pages."""
MARKERS = "osD^vPX<>*d"
"""Eleven shapes for ten colours: with more methods than colours, a colour comes back with another shape."""
DASHES: list[Any] = ["solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5))]

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ganbench",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.18,
    "grid.color": INK,
    "legend.frameon": False,
    "image.interpolation": "nearest",
    "savefig.transparent": True,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


@dataclass(frozen=True)
class Look:
    """How a row is told from others besides its name: a colour, a marker, and a dash that changes every ten colours."""

    colour: str
    marker: str
    dash: Any


@dataclass(frozen=True)
class Drawing:
    """A figure: the name of its files, a title for captions and screen readers, and its two forms."""

    name: str
    title: str
    svg: str
    pdf: bytes

    @property
    def inline(self) -> str:
        """An element of the page, with its colours. Groups lose their ids, which other figures have too."""
        svg = re.sub(r'<svg width="([\d.]+)pt" height="[\d.]+pt"', r'<svg style="width:\1pt"', self.svg, count=1)
        for index, colour in enumerate(PALETTE):
            svg = svg.replace(colour, f"var(--hue-{index})")
        label = html.escape(self.title, quote=True)
        return svg.replace(INK, "currentColor").replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def looks(rows: Sequence[str]) -> dict[str, Look]:
    """A look per row, by its place."""
    return {
        row: Look(
            PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)], DASHES[place // len(PALETTE) % len(DASHES)]
        )
        for place, row in enumerate(rows)
    }


@contextmanager
def style(size: float = 9) -> Iterator[None]:
    """The style of all figures; labels from configs are text, never mathematics."""
    with mpl.rc_context({**STYLE, "font.size": size, "axes.titlesize": size}):
        yield


def plain(text: str) -> str:
    """A label from a study, with nothing in it that matplotlib would typeset."""
    return text.replace("$", r"\$")


def safe(name: str) -> str:
    """A name as that of a file, whatever is in it."""
    return re.sub(r"[^A-Za-z0-9._+=-]", "_", name)


def logarithmic(values: Sequence[float]) -> bool:
    """Whether positive values span so much that a linear axis would hide the small ones."""
    return bool(len(values)) and min(values) > 0 and max(values) / min(values) > 30


def finish(figure: Figure, name: str, title: str) -> Drawing:
    """The figure in both forms, the same bytes for the same data."""
    text, pdf = io.StringIO(), io.BytesIO()
    figure.draw_without_rendering()
    extent = figure.get_tightbbox().padded(0.06)  # once for both forms: finding it costs as much as drawing
    figure.savefig(text, format="svg", bbox_inches=extent, dpi=110, metadata={"Date": None, "Creator": None})
    figure.savefig(pdf, format="pdf", bbox_inches=extent, dpi=110, metadata={"CreationDate": None, "Creator": None})
    plt.close(figure)
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"(>[^<]+<)|(\.\d\d)\d+", _rounded, svg)  # a hundredth of a point is finer than any printer
    return Drawing(safe(name), title, svg, pdf.getvalue())


def _rounded(found: re.Match[str]) -> str:
    """A coordinate with two decimals; what stands between tags is for reading, and stays."""
    return found[1] or found[2]


def legend(axes: Axes, rows: Sequence[str], found: dict[str, Look]) -> None:
    """The rows' looks beside some axes."""
    handles = [
        mpl.lines.Line2D(
            [], [], color=found[r].colour, marker=found[r].marker, linestyle=found[r].dash, label=plain(r), markersize=5
        )
        for r in rows
    ]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, handlelength=3.4
    )  # long enough to show a dash
