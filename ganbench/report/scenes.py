"""Figures of what generators make: films of points, the discriminator's surface, the masses of modes."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ganbench import layout
from ganbench.report.collect import Pair, Results
from ganbench.report.drawing import INK, Drawing, finish, looks, plain, style
from ganbench.work import Run

Picture = NDArray[np.uint8]
SIDE = 72
"""Pixels of a frame of a film."""
MODE = np.array([214, 39, 90], dtype=np.uint8)
"""The colour of a true mode's ring: on white, on black and on cividis it can be seen."""


def film(results: Results, pair: Pair, chosen: Sequence[Run]) -> Drawing | None:
    """A row per method, a column per step: where the generator of one run puts its samples, over rings at the modes."""
    films = [(run, _read(results, run, layout.FILM)) for run in chosen]
    held = [(run, tensors) for run, tensors in films if tensors]
    if not held:
        return None
    steps = sorted({int(step) for _, tensors in held for step in tensors["steps"]})
    reach = _reach(results, pair, [tensors["samples"][-1] for _, tensors in held])
    blank = np.full((SIDE, SIDE, 3), 235, dtype=np.uint8)
    rows = []
    for _, tensors in held:
        frames = dict(zip(tensors["steps"].tolist(), tensors["samples"], strict=True))
        rows.append([_density(results, pair, frames[s], reach) if s in frames else blank for s in steps])
    names = [f"{run.method}, seed {run.seed}" for run, _ in held]
    title = f"Samples over training on {', '.join(pair)}: a row per method, a column per step, rings at the true modes"
    return _mosaic(rows, names, [f"{step:,}" for step in steps], f"film_{'_'.join(pair)}", title)


def surface(results: Results, pair: Pair, chosen: Sequence[Run]) -> Drawing | None:
    """The score of the final discriminator over the plane, each on its own scale, over rings at the modes."""
    surfaces = [(run, _read(results, run, layout.SURFACE)) for run in chosen]
    held = [(run, tensors) for run, tensors in surfaces if tensors]
    if not held:
        return None
    panels = []
    for _, tensors in held:
        scores, extent = tensors["scores"].astype(float), float(tensors["extent"])
        low, high = np.nanquantile(scores, [0.02, 0.98])
        scaled = np.nan_to_num((scores - low) / (high - low or 1.0)).clip(0, 1)
        fine = np.kron(scaled[::-1], np.ones((2, 2)))
        picture = (255 * colormaps["cividis"](fine)[..., :3]).astype(np.uint8)
        panels.append(_ringed(results, pair, picture, extent))
    title = f"The final discriminator's score over the plane, {', '.join(pair)}: bright is scored as real"
    return _mosaic([panels], [""], [run.method for run, _ in held], f"surface_{'_'.join(pair)}", title)


def masses(results: Results, pair: Pair, chosen: Sequence[Run]) -> Drawing | None:
    """A row of bars per method, a bar per mode: its share of the samples over the true share, which is the line."""
    found = looks(results.methods)
    held = [(run, results.records[run.id].get("mode_masses")) for run in chosen]
    shown = [(run, of) for run, of in held if of]
    if not shown:
        return None
    with style(8):
        figure, axes = plt.subplots(figsize=(min(9.0, 2.5 + 0.14 * len(shown[0][1]["truth"])), 0.5 + 0.55 * len(shown)))
        for place, (run, of) in enumerate(shown):
            truth = np.array(of["truth"])
            ratio = np.array(of["shares"]) / np.where(truth > 0, truth, np.nan)
            heights, base = np.nan_to_num(np.minimum(ratio, 3)) / 3.4, len(shown) - 1 - place
            axes.bar(np.arange(len(truth)), heights, bottom=base, width=0.8, color=found[run.method].colour)
            axes.axhline(base + 1 / 3.4, color=INK, linewidth=0.7, linestyle=":")
            axes.axhline(base, color=INK, linewidth=0.6)
        axes.set(
            yticks=[len(shown) - 1 - i + 0.3 for i in range(len(shown))],
            yticklabels=[plain(f"{run.method}, seed {run.seed}") for run, _ in shown],
            xlabel="mode", ylim=(0, len(shown)), xlim=(-0.6, len(shown[0][1]["truth"]) - 0.4),
        )  # fmt: skip
        axes.grid(visible=False)
        title = f"Share of the samples in each mode over its true share (dotted; cut at 3), {', '.join(pair)}"
        return finish(figure, f"modes_{'_'.join(pair)}", title)


def _read(results: Results, run: Run, name: str) -> dict[str, NDArray[np.float64]]:
    path = results.folders[run.id] / name
    return load_file(path) if path.exists() else {}


def _reach(results: Results, pair: Pair, samples: Sequence[NDArray[np.float64]]) -> float:
    """How far from the origin a picture reaches: a little beyond the true modes, where there are any."""
    modes = results.references[pair[0]]["modes"]
    if modes is not None:
        return 1.3 * float(np.abs(np.asarray(modes["centres"])).max())
    return float(np.quantile(np.abs(np.concatenate(samples)), 0.98)) * 1.2


def _density(results: Results, pair: Pair, points: NDArray[np.float64], reach: float) -> Picture:
    """Dark where there are samples, on white; square root, so that thin mass can be seen."""
    edges = np.linspace(-reach, reach, SIDE + 1)
    counts, _, _ = np.histogram2d(points[:, 1].astype(float), points[:, 0].astype(float), [edges, edges])
    ink = np.sqrt(counts[::-1] / max(1.0, np.quantile(counts[counts > 0], 0.9) if counts.any() else 1.0)).clip(0, 1)
    picture = np.repeat((255 - 235 * ink)[..., None], 3, axis=2).astype(np.uint8)
    return _ringed(results, pair, picture, reach)


def _ringed(results: Results, pair: Pair, picture: Picture, reach: float) -> Picture:
    """A picture of the plane with a small ring around each true mode."""
    modes = results.references[pair[0]]["modes"]
    if modes is None:
        return picture
    side = len(picture)
    y, x = np.mgrid[:side, :side]
    radius = max(2.5, side * 0.035)
    for centre in np.asarray(modes["centres"]):
        column, row = ((centre[0] / reach + 1) * side / 2 - 0.5, (1 - centre[1] / reach) * side / 2 - 0.5)
        distance = np.hypot(x - column, y - row)
        picture[np.abs(distance - radius) < 0.55] = MODE
    return picture


def _mosaic(
    rows: Sequence[Sequence[Picture]], names: Sequence[str], tops: Sequence[str], name: str, title: str
) -> Drawing:
    """Pictures of one size in rows and columns with a gap, as one image: a figure with a hundred axes is slow."""
    framed = [
        np.concatenate([np.pad(p, ((1, 2), (1, 2), (0, 0)), constant_values=255) for p in row], 1) for row in rows
    ]
    image = np.concatenate(framed)
    side, columns = image.shape[0] / len(rows), image.shape[1] / len(tops)
    with style(8):
        figure, axes = plt.subplots(figsize=(image.shape[1] / 85, image.shape[0] / 85))
        axes.imshow(image)
        axes.set(
            yticks=[side * (i + 0.5) for i in range(len(rows))], yticklabels=[plain(n) for n in names],
            xticks=[columns * (i + 0.5) for i in range(len(tops))], xticklabels=[plain(t) for t in tops],
        )  # fmt: skip
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        return finish(figure, name, title)
