"""Sheets of samples and other pictures that runs left: embedded in the page until a budget is spent, then linked."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganbench import files, layout
from ganbench.report.collect import Pair, Results
from ganbench.stats.merit import merit
from ganbench.work import Run

BUDGET = 3_500_000
"""Bytes of pictures in the page, before base64 makes them a third larger."""

KINDS = {
    layout.SHEET: "samples",
    layout.INTERPOLATION: "interpolations",
    layout.NEIGHBOURS: "nearest training images",
    layout.CONDITIONS: "samples by condition",
}


@dataclass(frozen=True)
class Picture:
    """One picture of one run: embedded (`uri`), or a file beside the page (`link`), or neither, with a `reason`."""

    run: Run
    kind: str
    role: str
    uri: str | None = None
    link: str | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        """What it shows."""
        return f"{self.kind} of {self.run.method} on {self.run.dataset}, {self.run.architecture}, seed {self.run.seed}"


@dataclass(frozen=True)
class Choice:
    """Of one cell the run with the median headline and the worst one; failed runs are worst."""

    median: Run
    worst: Run


def choices(results: Results, pair: Pair) -> dict[str, Choice]:
    """By method. Equal values: the earlier seed. A diagnostic has no worst: its median and its last run by value."""
    metric = results.headline(pair[0])
    direction = results.measures[metric].trait("direction")
    found = {}
    by_method: dict[str, list[Run]] = {}
    for run in results.runs_of(pair):
        by_method.setdefault(run.method, []).append(run)
    for method, runs in by_method.items():
        values = results.values(pair, method, metric)
        scores = merit([values[run.seed] for run in runs], "lower" if direction == "none" else direction)
        order = np.argsort(-scores, kind="stable")  # the best first
        found[method] = Choice(runs[order[(len(order) - 1) // 2]], runs[order[-1]])
    return found


def gather(results: Results, beside: Path) -> tuple[dict[tuple[Pair, str], list[Picture]], dict[Path, Path]]:
    """The pictures of each (dataset, architecture) and kind, and the files to copy beside the page: where to, from
    where. Median sheets come first, so that these are embedded for all methods before any other picture is."""
    wanted: list[tuple[Pair, str, str, Run]] = []
    chosen = {pair: choices(results, pair) for pair in results.pairs}
    for file, role in ((layout.SHEET, "median"), (layout.CONDITIONS, "median"), (layout.SHEET, "worst"),
                       (layout.INTERPOLATION, "median"), (layout.NEIGHBOURS, "median")):  # fmt: skip
        for pair, methods in chosen.items():
            wanted += [(pair, file, role, getattr(choice, role)) for choice in methods.values()]
    found: dict[tuple[Pair, str], list[Picture]] = {}
    copies: dict[Path, Path] = {}
    left = BUDGET
    for pair, file, role, run in wanted:
        path = results.folders[run.id] / file
        kind = KINDS[file]
        size = path.stat().st_size if path.exists() else 0
        if not size:
            reason = results.records[run.id]["reason"] or results.records[run.id]["status"]
            picture = Picture(run, kind, role, reason=reason if file == layout.SHEET else "none was made")
            if file != layout.SHEET:
                continue
        elif size <= left:
            left -= size
            picture = Picture(run, kind, role, uri=_uri(path))
        else:
            name = f"{run.id.replace('/', '_')}_{file}"
            copies[beside / name] = path
            picture = Picture(run, kind, role, link=f"{beside.name}/{name}")
        found.setdefault((pair, kind), []).append(picture)
    return found, copies


def captions(results: Results, shown: Iterable[Picture]) -> list[dict[str, Any]]:
    """What the rows of pictures by condition were made for, where these are sentences: `text`, and whether it is
    `held_out`. The same for all methods on a dataset."""
    for picture in shown:
        record = files.read_json(results.folders[picture.run.id] / layout.CAPTIONS)
        if record:
            found: list[dict[str, Any]] = record["captions"]
            return found
    return []


def rows(pictures: Iterable[Picture]) -> dict[str, list[Picture]]:
    """The pictures by role: a row of medians over a row of worst runs."""
    found: dict[str, list[Picture]] = {}
    for picture in pictures:
        found.setdefault(picture.role, []).append(picture)
    return found


def _uri(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
