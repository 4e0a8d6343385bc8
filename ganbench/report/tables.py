"""The tables of the page, as plain values that the template lays out."""

import math
from dataclasses import dataclass

import pandas as pd

from ganbench.report import derived
from ganbench.report.collect import Results


@dataclass(frozen=True)
class Cell:
    """One entry: mean and standard deviation over seeds, and what did not count."""

    mean: float
    sd: float
    count: int
    failed: int
    undefined: int
    collapsed: int
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
        """What the numbers leave out, diverged and undefined runs; and the runs that collapsed, which they hold."""
        total = self.count + self.failed + self.undefined
        named = (("diverged", self.failed), ("undefined", self.undefined), ("collapsed", self.collapsed))
        return ", ".join(f"{count} of {total} {name}" for name, count in named if count)


@dataclass(frozen=True)
class Table:
    """One metric: a row per method, one for real data, and one for a perfect generator where theory knows what it
    scores; a column per dataset and architecture. `metric` is the name that encodes its protocol."""

    metric: str
    title: str
    unit: str
    direction: str
    columns: list[tuple[str, str]]
    rows: dict[str, list[Cell | None]]
    real: list[str]
    perfect: list[str]

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


def metric_table(results: Results, metric: str, checkpoint: str = "final") -> Table:
    """Means over seeds of one metric, the best of each column marked.

    The standard deviation is over training seeds, with n - 1. A method with a diverged run is not marked best
    unless every method has one. `checkpoint`: `final`, or `best` for the one selected on the headline metric.
    """
    columns = results.columns(metric)
    measure = results.measures[metric]
    direction = measure.trait("direction")
    rows: dict[str, list[Cell | None]] = {row: [] for row in results.rows}
    for dataset, architecture in columns:
        cells = {row: _cell(results.cell(dataset, architecture, row, checkpoint), metric) for row in results.rows}
        best = _best({row: cell for row, cell in cells.items() if cell is not None}, direction)
        for row, cell in cells.items():
            rows[row].append(cell and Cell(**{**vars(cell), "best": row in best}))
    references = [results.references[dataset] for dataset, _ in columns]
    perfect = [number(reference["perfect"].get(metric)) for reference in references]
    return Table(
        metric=metric,
        title=measure.trait("title"),
        unit=measure.trait("unit"),
        direction=direction,
        columns=columns,
        rows=rows,
        real=[number(reference["real"][metric]) for reference in references],
        perfect=perfect if any(reference["perfect"].get(metric) is not None for reference in references) else [],
    )


def _cell(runs: pd.DataFrame, metric: str) -> Cell | None:
    if runs.empty:
        return None
    values = runs[metric].dropna()
    missing = runs[runs[metric].isna()]
    failed = int((missing.status == "diverged").sum())
    judged = runs[(runs.weights == "raw") & (runs.checkpoint == "final")]  # others are not asked whether they collapsed
    return Cell(
        mean=float(values.mean()) if len(values) else math.nan,
        sd=float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        count=len(values),
        failed=failed,
        undefined=len(missing) - failed,
        collapsed=int((judged.status == "collapsed").sum()),
    )


def _best(cells: dict[str, Cell], direction: str) -> set[str]:
    """The methods with the best mean as it is printed: what looks equal is equally marked. A method with a run that
    has no number cannot be best while others have all theirs; and where all are equal, none is best."""
    numbered = {method: cell for method, cell in cells.items() if cell.count}
    whole = {method: cell for method, cell in numbered.items() if cell.whole} or numbered
    if not whole or direction == "none":
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
            equal = "all methods score the same" if table.direction != "none" else f"{table.title} ranks no method"
            sentences.append(f"{where}: {'no method has a number' if none else equal}.")
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


def derived_rows(results: Results, dataset: str, architecture: str) -> dict[str, list[str]]:
    """Per method what its curves of the headline say, in the order of derived.FORMULAS: medians over seeds."""
    rows = {}
    for method in results.methods:
        runs = results.runs
        of = runs[(runs.dataset == dataset) & (runs.architecture == architecture) & (runs.method == method)]
        if of.empty:
            continue
        reached = of.steps_to_threshold.dropna()
        texts = {name: number(of[name].median()) for name in derived.FORMULAS}
        if results.plan.datasets[dataset].headline.trait("direction") != "none":
            share, median = f"{len(reached)} of {len(of)}", f"{reached.median():,.0f}"
            texts["steps_to_threshold"] = f"{median if len(reached) else 'not reached'} ({share})"
        rows[method] = list(texts.values())
    return rows


def cost_rows(results: Results) -> dict[str, list[str]]:
    """Per method: discriminator steps per generator step, then seconds per run for each pair, the median over seeds."""
    rows = {}
    for method in results.methods:
        n_critic = dict.fromkeys(r.spec["method"]["n_critic"] for r in results.plan.runs if r.method == method)
        of = results.runs[results.runs.method == method].groupby(["dataset", "architecture"]).seconds.median()
        seconds = [f"{of[pair]:.1f} s" if pair in of.index else "–" for pair in results.pairs]
        rows[method] = [" or ".join(map(str, n_critic)), *seconds]
    return rows
