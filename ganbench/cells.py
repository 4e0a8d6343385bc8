"""The cells of a published table: every number with its place in the study."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ganbench.paper import FAILED, Column, Paper, Row, Spread, Value


@dataclass(frozen=True)
class Cell:
    """One published number with its place in the study: the row's own words over its column's. `methods`: the paper
    gives the best of them. `where`: its key path in the file; `at`: its row and column."""

    where: str
    at: tuple[int, int]
    row: Row
    column: Column
    published: Value
    dataset: str | None
    architecture: str | None
    methods: tuple[str, ...]
    metric: str | None
    weights: str
    checkpoint: str
    not_run: str | None
    spread_is: Spread
    runs: int | None

    @property
    def sd(self) -> float | None:
        """The standard deviation over training runs, if what was published says it."""
        spread = self.published.spread
        if spread is None or self.runs is None or self.spread_is not in ("sd", "se"):
            return None
        return spread * (math.sqrt(self.runs) if self.spread_is == "se" else 1.0)

    @property
    def margin(self) -> float | None:
        """How far off is still the same."""
        if self.published.margin is not None or self.column.margin is not None:
            return self.published.margin or self.column.margin
        share, value = self.column.relative_margin, self.published.value
        return None if share is None or value == FAILED else share * abs(float(value))


def cells(paper: Paper) -> Iterator[Cell]:
    """All published numbers, row by row."""
    for i, row in enumerate(paper.rows):
        for j, (column, value) in enumerate(zip(paper.columns, row.values, strict=True)):
            if value is not None:
                runs = value.runs or row.runs or paper.runs
                yield Cell(
                    where=f"paper.rows[{i}].values[{j}]",
                    at=(i, j),
                    row=row,
                    column=column,
                    published=value,
                    dataset=row.dataset or column.dataset,
                    architecture=row.architecture or column.architecture,
                    methods=row.method or column.method or (),
                    metric=row.metric or column.metric,
                    weights=row.weights or column.weights or "raw",
                    checkpoint=row.checkpoint or column.checkpoint or "final",
                    not_run=row.not_run or column.not_run,
                    spread_is=value.spread_is or row.spread_is or paper.spread,
                    runs=None if runs == "unknown" else runs,
                )
