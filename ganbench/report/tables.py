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
    def whole(self) -> bool:
        """Whether every run has a number."""
        return not self.failed and not self.undefined

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
    """The methods with the best mean as it is printed: what looks equal is equally marked. A method with a run that
    has no number cannot be best while others have all theirs; and where all are equal, none is best."""
    numbered = {method: cell for method, cell in cells.items() if cell.count}
    whole = {method: cell for method, cell in numbered.items() if cell.whole} or numbered
    if not whole:
        return set()
    choose = min if direction == "lower" else max
    best = choose(whole.values(), key=lambda cell: cell.mean)
    places = decimals(best.mean)
    marked = {m for m, cell in whole.items() if round(cell.mean, places) == round(best.mean, places)}
    return set() if len(marked) == len(cells) > 1 else marked


def verdicts(tables: dict[str, Table], results: Results) -> list[str]:
    """For each dataset and architecture a sentence on its headline metric: the best method, and who is near."""
    sentences = []
    for dataset, architecture in results.pairs:
        table = tables[results.headline(dataset)]
        at = table.columns.index((dataset, architecture))
        column = {method: row[at] for method, row in table.rows.items()}
        cells = {method: cell for method, cell in column.items() if cell is not None}
        best = [method for method, cell in cells.items() if cell.best]
        where = f"{dataset}, {architecture}"
        if not best:
            none = not any(cell.count for cell in cells.values())
            sentences.append(f"{where}: {'no method has a number' if none else 'all methods score the same'}.")
            continue
        seeds = {m: results.cell(dataset, architecture, m).set_index("seed")[table.metric] for m in cells}
        near = [m for m in cells if m not in best and cells[m].whole and _near(seeds[m], seeds[best[0]])]
        unit = f" {table.unit}" if table.unit else ""
        sentence = f"{where}: {' and '.join(best)} at {cells[best[0]].text}{unit} ({table.title})"
        if near:
            sentence += f"; not clearly behind: {', '.join(near)}"
        sentences.append(f"{sentence}.")
    return sentences


def _near(other: "pd.Series[float]", leader: "pd.Series[float]") -> bool:
    """Whether the differences seed by seed have a mean within one of their standard deviations of 0."""
    differences = (other - leader).dropna()
    return len(differences) > 1 and abs(float(differences.mean())) <= float(differences.std(ddof=1))


def cost_rows(results: Results) -> dict[str, list[str]]:
    """Per method: discriminator steps per generator step, then seconds per run for each pair, the median over seeds."""
    rows = {}
    for method in results.methods:
        n_critic = dict.fromkeys(r.spec["method"]["n_critic"] for r in results.plan.runs if r.method == method)
        cells = [results.cell(dataset, architecture, method) for dataset, architecture in results.pairs]
        seconds = ["–" if cell.empty else f"{cell.seconds.median():.1f} s" for cell in cells]
        rows[method] = [" or ".join(map(str, n_critic)), *seconds]
    return rows
