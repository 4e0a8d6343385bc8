"""Who stands where: one metric, a row per method, a column per dataset and architecture."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ganbench.report.collect import Pair, Results
from ganbench.report.numerals import decimals, number, percent, plural, span
from ganbench.stats.cells import Summary, summarise
from ganbench.stats.intervals import Scale
from ganbench.stats.merit import Direction
from ganbench.stats.pairs import compare
from ganbench.stats.ranks import average_ranks


@dataclass(frozen=True)
class Cell:
    """The runs of one row in one column. `best`: the best average; `tied`: no worse than the best beyond chance."""

    summary: Summary
    diverged: int
    collapsed: int
    timeout: int = 0
    best: bool = False
    tied: bool = False

    @property
    def value(self) -> float:
        """The average of the finished runs, geometric on the log scale; NaN if there are none."""
        return self.summary.average.value

    @property
    def text(self) -> str:
        """The average."""
        return number(self.value)

    @property
    def span(self) -> str:
        """Its interval."""
        return span(self.summary.average.interval, decimals(self.value))

    @property
    def seeds(self) -> int:
        """How many runs there are, failed ones included."""
        return len(self.summary.values)

    @property
    def remark(self) -> str:
        """The runs without a number, and those that collapsed or ran out of time, which have one."""
        failed = int(self.summary.failures.events)
        named = (
            ("diverged", self.diverged),
            ("undefined", failed - self.diverged),
            ("collapsed", self.collapsed),
            ("out of time", self.timeout),
        )
        return ", ".join(f"{count} of {self.seeds} {name}" for name, count in named if count)

    @property
    def more(self) -> str:
        """Everything that is known of the cell, in one line."""
        of = self.summary
        kind = "geometric mean" if of.average.scale == "log" else "mean"
        parts = [f"{kind} {self.text}, {of.average.count} of {plural(self.seeds, 'seed')}"]
        if of.average.interval is not None:
            parts.append(f"95 % interval {self.span} ({of.average.interval.method})")
        elif of.average.count > 1:
            parts.append("no interval: all seeds are equal")
        if of.average.count > 1:
            arithmetic = f"arithmetic mean {number(of.mean)}, " if of.average.scale == "log" else ""
            parts.append(f"{arithmetic}SD {number(of.sd)}, SE {number(of.se)}")
        parts.append(f"median of all {number(of.median) if math.isfinite(of.median) else 'is a failed run'}")
        if of.failures.events:
            parts.append(f"without a number {percent(of.failures)}")
        parts.append("seeds " + " ".join(number(value) if math.isfinite(value) else "failed" for value in of.values))
        return "; ".join(parts)


@dataclass(frozen=True)
class Baseline:
    """What scores so without learning, where samples are made for something: such as bicubic interpolation."""

    name: str
    value: float | None


@dataclass(frozen=True)
class Standing:
    """One metric: a row per method; and per column what real data scores, a perfect generator where theory knows, and a
    baseline where samples have conditions. `metric` is the name that encodes its protocol."""

    metric: str
    title: str
    unit: str
    direction: Direction | Literal["none"]
    scale: Scale
    columns: list[Pair]
    rows: dict[str, list[Cell | None]]
    real: list[float | None]
    perfect: list[float | None]
    baseline: list[Baseline | None]

    def column(self, pair: Pair) -> dict[str, Cell]:
        """The cells of one column by row."""
        at = self.columns.index(pair)
        return {row: cell for row, cells in self.rows.items() if (cell := cells[at]) is not None}


def standing(results: Results, metric: str, checkpoint: str = "final") -> Standing:
    """Averages over seeds of one metric, the best of each column marked, and those that tie with it.

    `checkpoint`: `final`, or `best` for the one selected on the headline metric.
    """
    measure, columns = results.measures[metric], results.columns(metric)
    direction, scale = measure.trait("direction"), results.scale(metric)
    rows: dict[str, list[Cell | None]] = {row: [] for row in results.rows}
    for pair in columns:
        cells = {row: _cell(results, pair, row, metric, checkpoint) for row in results.rows_of(pair)}
        marked = _marked(cells, direction, scale)
        for row in results.rows:
            rows[row].append(marked.get(row))
    references = [results.references[dataset] for dataset, _ in columns]
    return Standing(
        metric=metric,
        title=measure.trait("title"),
        unit=measure.trait("unit"),
        direction=direction,
        scale=scale,
        columns=columns,
        rows=rows,
        real=[reference["real"].get(metric) for reference in references],
        perfect=[reference.get("perfect", {}).get(metric) for reference in references],
        baseline=[_baseline(reference.get("baseline"), metric) for reference in references],
    )


def _baseline(known: dict[str, Any] | None, metric: str) -> Baseline | None:
    return Baseline(known["name"], known["metrics"].get(metric)) if known else None


def _cell(results: Results, pair: Pair, row: str, metric: str, checkpoint: str) -> Cell:
    runs = results.cell(pair, row, checkpoint)
    values = results.values(pair, row, metric, checkpoint)
    direction = results.measures[metric].trait("direction")
    return Cell(
        summary=summarise(values, "lower" if direction == "none" else direction, results.scale(metric)),
        diverged=int((runs[metric].isna() & (runs.status == "diverged")).sum()),
        collapsed=int(((runs.status == "collapsed") & (runs.weights == "raw") & (checkpoint == "final")).sum()),
        timeout=int((runs.status == "timeout").sum()),
    )


def _marked(cells: dict[str, Cell], direction: Direction | Literal["none"], scale: Scale) -> dict[str, Cell]:
    """The cells with their marks. One with a run that has no number cannot be best while others have all theirs, nor
    tie; what looks equal is equally marked; where all look equal, none is."""
    numbered = {row: cell for row, cell in cells.items() if math.isfinite(cell.value)}
    whole = {row: cell for row, cell in numbered.items() if cell.summary.complete} or numbered
    if not whole or direction == "none":
        return cells
    choose = min if direction == "lower" else max
    leader = choose(whole.values(), key=lambda cell: cell.value)
    best = {row for row, cell in whole.items() if cell.text == leader.text}
    if len(best) == len(cells) > 1:
        return cells
    ties = {row for row, cell in whole.items() if row not in best and _ties(leader, cell, direction, scale)}
    return {row: replace(cell, best=row in best, tied=row in ties) for row, cell in cells.items()}


def _ties(leader: Cell, other: Cell, direction: Direction, scale: Scale) -> bool:
    """Whether the differences from the leader, seed by seed, leave open that there is none."""
    if leader.seeds != other.seeds or not other.summary.complete:
        return False
    found = compare(leader.summary.values, other.summary.values, direction, scale)
    if found.effect.interval is None:  # one seed, or all differences the same
        return bool(found.effect.value == (1.0 if scale == "log" else 0.0))
    return found.better is None


def rank_table(results: Results) -> dict[str, list[float | None]]:
    """The mean rank over seeds of each row in each (dataset, architecture) by its headline; failed runs rank worst."""
    table: dict[str, list[float | None]] = {row: [] for row in results.rows}
    for pair in results.pairs:
        metric = results.headline(pair[0])
        direction = results.measures[metric].trait("direction")
        rows = results.rows_of(pair)
        scores = results.scores(pair, rows, metric)
        known = direction in ("lower", "higher") and scores.size > 0 and np.isfinite(scores).any()
        found = dict(zip(rows, average_ranks(scores, direction).tolist(), strict=True)) if known else {}
        for row in results.rows:
            table[row].append(found.get(row))
    return table
