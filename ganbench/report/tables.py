"""The tables of the page, as plain values that the template lays out."""

import math
from dataclasses import dataclass

import pandas as pd

from ganbench.report.collect import Results


@dataclass(frozen=True)
class Cell:
    """One entry: mean and standard deviation over seeds, and what did not count."""

    mean: float
    sd: float
    count: int
    failed: int
    undefined: int
    best: bool = False

    @property
    def text(self) -> str:
        """`7.67 ± 0.58`; a dash where no run has a number."""
        if self.count == 0:
            return "–"
        places = decimals(self.mean)
        spread = f" ± {self.sd:.{places}f}" if self.count > 1 else ""
        return f"{self.mean:.{places}f}{spread}"

    @property
    def remark(self) -> str:
        """What the numbers leave out: diverged and undefined runs."""
        total = self.count + self.failed + self.undefined
        parts = [f"{self.failed} of {total} diverged"] if self.failed else []
        parts += [f"{self.undefined} of {total} undefined"] if self.undefined else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Table:
    """One metric: a row per method and one for real data, a column per dataset and architecture. `features` names
    the classifier that a column is measured by."""

    metric: str
    title: str
    unit: str
    direction: str
    columns: list[tuple[str, str]]
    features: list[str | None]
    rows: dict[str, list[Cell | None]]
    real: list[str]

    @property
    def seeds(self) -> int:
        """The largest number of seeds in a cell."""
        cells = [c for row in self.rows.values() for c in row if c is not None]
        return max(c.count + c.failed + c.undefined for c in cells)


def decimals(value: float) -> int:
    """Decimal places that show three significant digits, four places at most."""
    if value == 0 or not math.isfinite(value):
        return 2
    return min(4, max(0, 2 - math.floor(math.log10(abs(value)))))


def number(value: float | None) -> str:
    """A lone number with three significant digits; a dash for none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{decimals(value)}f}"


def metric_table(results: Results, metric: str) -> Table:
    """Means over seeds of one metric, the best of each column marked.

    The standard deviation is over training seeds, with n - 1. A method with a diverged run is not marked best
    unless every method has one.
    """
    columns = results.columns(metric)
    direction = results.trait(metric, "direction")
    rows: dict[str, list[Cell | None]] = {method: [] for method in results.methods}
    for dataset, architecture in columns:
        cells = {m: _cell(results.cell(dataset, architecture, m), metric) for m in results.methods}
        best = _best({method: cell for method, cell in cells.items() if cell is not None}, direction)
        for method, cell in cells.items():
            rows[method].append(cell and Cell(**{**vars(cell), "best": method in best}))
    return Table(
        metric=metric,
        title=results.trait(metric, "title"),
        unit=results.trait(metric, "unit"),
        direction=direction,
        columns=columns,
        features=[_features(results, dataset) for dataset, _ in columns],
        rows=rows,
        real=[number(results.references[dataset]["real"][metric]) for dataset, _ in columns],
    )


def _features(results: Results, dataset: str) -> str | None:
    """The name of the classifier whose features measure a dataset; None for points."""
    extractor = results.references[dataset]["protocol"]["extractor"]
    return str(extractor["name"]) if extractor else None


def _cell(runs: pd.DataFrame, metric: str) -> Cell | None:
    if runs.empty:
        return None
    finished = runs[runs.status == "ok"]
    values = finished[metric].dropna()
    return Cell(
        mean=float(values.mean()) if len(values) else math.nan,
        sd=float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        count=len(values),
        failed=len(runs) - len(finished),
        undefined=len(finished) - len(values),
    )


def _best(cells: dict[str, Cell], direction: str) -> set[str]:
    """The methods with the best mean as it is printed: what looks equal is equally marked."""
    numbered = {method: cell for method, cell in cells.items() if cell.count}
    whole = {method: cell for method, cell in numbered.items() if not cell.failed} or numbered
    if not whole:
        return set()
    choose = min if direction == "lower" else max
    best = choose(whole.values(), key=lambda cell: cell.mean)
    places = decimals(best.mean)
    return {m for m, cell in whole.items() if round(cell.mean, places) == round(best.mean, places)}


def verdicts(tables: dict[str, Table], results: Results) -> list[str]:
    """For each dataset and architecture a sentence on its headline metric: the best method, and who is near."""
    sentences = []
    for dataset, architecture in results.pairs:
        table = tables[results.headline(dataset)]
        at = table.columns.index((dataset, architecture))
        column = {method: row[at] for method, row in table.rows.items()}
        cells = {method: cell for method, cell in column.items() if cell is not None and cell.count}
        best = [method for method, cell in cells.items() if cell.best]
        if not best:
            sentences.append(f"{dataset}, {architecture}: no method has a number.")
            continue
        leader = cells[best[0]]
        near = [m for m, cell in cells.items() if m not in best and _near(cell, leader)]
        unit = f" {table.unit}" if table.unit else ""
        sentence = f"{dataset}, {architecture}: {' and '.join(best)} at {leader.text}{unit} ({table.title})"
        if near:
            sentence += f"; within one standard deviation: {', '.join(near)}"
        sentences.append(f"{sentence}.")
    return sentences


def _near(cell: Cell, leader: Cell) -> bool:
    spread = max((sd for sd in (cell.sd, leader.sd) if math.isfinite(sd)), default=0.0)
    return abs(cell.mean - leader.mean) <= spread


def cost_rows(results: Results) -> dict[str, list[str]]:
    """Seconds of training per run, the median over seeds, a row per method and a column per pair."""
    rows = {}
    for method in results.methods:
        cells = [results.cell(dataset, architecture, method) for dataset, architecture in results.pairs]
        rows[method] = ["–" if cell.empty else f"{cell.seconds.median():.1f} s" for cell in cells]
    return rows
