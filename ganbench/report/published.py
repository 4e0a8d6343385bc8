"""Published numbers beside measured ones, each with a verdict by a stated rule."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ganbench.cells import Cell, cells
from ganbench.paper import FAILED, Deviation, Paper, Row
from ganbench.report.claims import Checked, check, column_of, direction_of
from ganbench.report.collect import Results
from ganbench.report.numerals import decimals, listed, number, percent, plural, span
from ganbench.stats import equivalence
from ganbench.stats.intervals import Interval, average, share
from ganbench.stats.merit import finished, merit
from ganbench.stats.pairs import compare, winner

Verdict = Literal["match", "same order", "differs", "open", "not run"]
VERDICTS: dict[Verdict, str] = {
    "match": "shown to be the same within the margin (of a claim: shown to hold)",
    "same order": "not shown to be the same, but each difference from another row of the column that is more than the "
    "margin in the paper is found with the same sign, beyond chance",
    "differs": "shown to differ by more than the margin, and not of the same order (of a claim: shown not to hold)",
    "open": "these runs cannot tell",
    "not run": "no part of this study, or of this budget",
}


@dataclass(frozen=True)
class Judged:
    """A published number beside the measured one. `architecture` and `label` say where the measured one is from, of
    several methods the best; `values` are its runs, NaN where one failed, `mean` and `interval` those of the others.
    `difference` is measured minus published, `margin` what counts as the same; None where nothing was compared."""

    cell: Cell
    verdict: Verdict
    why: str
    architecture: str | None = None
    label: str | None = None
    values: tuple[float, ...] = ()
    mean: float | None = None
    interval: Interval | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    margin: float | None = None

    @property
    def published(self) -> str:
        """`6.3 ± 0.5`."""
        of = self.cell.published
        if of.value == FAILED:
            return FAILED
        return f"{of.value:g}" + ("" if of.spread is None else f" ± {of.spread:g}")

    @property
    def measured(self) -> str:
        """`5.83`; a dash for none."""
        return number(self.mean)

    @property
    def span(self) -> str:
        """`[5.10, 6.56]`; nothing for none."""
        return "" if self.interval is None or self.mean is None else span(self.interval, decimals(self.mean))


@dataclass(frozen=True)
class Variant:
    """A deviation of the reference code in numbers: both variants where nothing else differs, and their difference."""

    deviation: Deviation
    on: str
    metric: str
    faithful: str
    fixed: str
    effect: str


@dataclass(frozen=True)
class Table:
    """A published table, judged. `reduced` says by how much the runs fall short of the protocol, if they do. `rows`:
    by row of the paper a cell for each column, None where the paper has no number."""

    paper: Paper
    reduced: str
    rows: list[tuple[Row, list[Judged | None]]]
    claims: list[Checked]
    variants: list[Variant]

    @property
    def cells(self) -> list[Judged]:
        """All cells that have a published number."""
        return [judged for _, cells in self.rows for judged in cells if judged is not None]

    @property
    def was_run(self) -> bool:
        """Whether a published number has a measured one beside it."""
        return any(judged.verdict != "not run" for judged in self.cells)

    @property
    def sentence(self) -> str:
        """What came of it, in one sentence."""
        kinds: dict[str, Sequence[Judged | Checked]] = {"numbers": self.cells, "claims": self.claims}
        told = [f"{kind}: {counted(judged)}" for kind, judged in kinds.items() if judged]
        at = f", at a reduced budget ({self.reduced})" if self.reduced else ""
        return f"Against the paper{at}: {'; '.join(told)}."

    def marked(self, verdict: Verdict) -> str:
        """A verdict, with a remark if it is not of the whole protocol."""
        return f"{verdict} (reduced budget)" if self.reduced and verdict != "not run" else verdict


def counted(judged: Sequence[Judged | Checked]) -> str:
    """`3 match, 1 differs and 4 open`; a dash for none."""
    counts = {verdict: sum(of.verdict == verdict for of in judged) for verdict in VERDICTS}
    return listed([f"{count} {verdict}" for verdict, count in counts.items() if count]) if judged else "–"


def table(results: Results) -> Table | None:
    """The published table that a study reproduces, judged; None for other studies, and for a comparison of two."""
    of = results.plans[0].study.paper
    if of is None or len(results.plans) > 1:
        return None
    measured = {cell.where: _measured(results, cell) for cell in cells(of)}
    by_column: dict[int, list[Judged]] = {}
    for judged in measured.values():
        by_column.setdefault(id(judged.cell.column), []).append(judged)
    rows: list[tuple[Row, list[Judged | None]]] = [(row, [None] * len(of.columns)) for row in of.rows]
    for judged in measured.values():
        verdict = _judge(results, judged, by_column[id(judged.cell.column)])
        rows[judged.cell.at[0]][1][judged.cell.at[1]] = verdict
    return Table(
        paper=of,
        reduced=of.budget.text if of.budget is not None and of.budget.reduced else "",
        rows=rows,
        claims=[check(results, claim) for claim in of.claims],
        variants=[variant for deviation in of.deviations for variant in _variants(results, deviation)],
    )


def _measured(results: Results, cell: Cell) -> Judged:
    """The runs of a cell and their mean; not judged yet. Of several methods the one with the best mean."""
    if cell.not_run is not None:
        return Judged(cell, "not run", cell.not_run)
    architecture = cell.architecture or next((a for d, a in results.pairs if d == cell.dataset), "")
    found: dict[str, np.ndarray] = {}
    for label in cell.methods:
        row = label if cell.weights == "raw" else f"{label} ({cell.weights})"
        values = column_of(results, (str(cell.dataset), architecture), row, str(cell.metric), cell.checkpoint)
        if values is not None:
            found[label] = values
    if not found:
        return Judged(cell, "not run", "not in this budget")
    direction = direction_of(results, str(cell.metric))
    known = {label: average(values[finished(values)], "plain") for label, values in found.items()}
    label = max(found, key=lambda one: float(merit(known[one].value, direction)))
    best = known[label]
    return Judged(
        cell=cell,
        verdict="open",
        why="",
        architecture=architecture,
        label=label,
        values=tuple(found[label].tolist()),
        mean=best.value if best.count else None,
        interval=best.interval,
        margin=cell.margin,
    )


def _judge(results: Results, judged: Judged, column: list[Judged]) -> Judged:
    """The verdict of a cell among those of its column."""
    if judged.verdict == "not run":
        return judged
    published, count = judged.cell.published.value, len(judged.values)
    if published == FAILED:
        return _judge_failure(results, judged)
    failed = count - int(finished(judged.values).sum())
    without = f"{failed} of {plural(count, 'run')} without a number"
    if judged.mean is None:
        return replace(judged, verdict="differs", why=without)
    parts = [without] if failed else []
    tested: equivalence.Verdict = "open"
    margin = judged.margin
    if margin is not None:
        difference = equivalence.difference(judged.values, float(published), judged.cell.sd, judged.cell.runs)
        judged = replace(judged, difference=difference.value, difference_interval=difference.interval())
        tested = "open" if failed else equivalence.verdict(difference, margin)
        parts.append(difference.basis or "no spread over training runs is known")
    if len(judged.cell.methods) > 1:
        parts.append(f"{judged.label}, the best of {len(judged.cell.methods)} on the runs that are shown")
    same, reversed_, compared = _order(results, judged, column)
    if compared:
        parts.append(f"order in the column: of {plural(compared, 'difference')} {same} found, {reversed_} reversed")
    verdict: Verdict = tested
    if tested != "match" and compared and same == compared:
        verdict = "same order"
    elif judged.margin is None and reversed_:
        verdict = "differs"
    return replace(judged, verdict=verdict, why="; ".join(parts))


def _judge_failure(results: Results, judged: Judged) -> Judged:
    """A cell of which the paper says that training failed: whether most runs here did, by Wilson's interval."""
    runs = results.runs
    at = (judged.cell.dataset, judged.architecture, judged.label)
    statuses = runs[(runs.dataset == at[0]) & (runs.architecture == at[1]) & (runs.method == at[2])].status
    failed = share(int((statuses != "ok").sum()), len(statuses))
    verdict: Verdict = "open"
    if failed.interval.low > 0.5:
        verdict = "match"
    elif failed.interval.high < 0.5:
        verdict = "differs"
    return replace(judged, verdict=verdict, why=f"diverged or collapsed: {percent(failed)}")


def _order(results: Results, judged: Judged, column: Iterable[Judged]) -> tuple[int, int, int]:
    """Of the other rows whose published number is further off than the margin: how many are found on the same side,
    how many on the other, both beyond chance; and how many there are that were run."""
    same = reversed_ = compared = 0
    direction = direction_of(results, str(judged.cell.metric))
    for other in column:
        numbers = (judged.cell.published.value, other.cell.published.value)
        if FAILED in numbers or other.label in (None, judged.label) or len(other.values) != len(judged.values):
            continue
        gap = float(numbers[0]) - float(numbers[1])
        if abs(gap) <= (judged.margin or 0.0):
            continue
        compared += 1
        found = winner(judged.values, other.values, direction)
        wanted = "first" if (gap > 0) == (direction == "higher") else "second"
        same += found == wanted
        reversed_ += found is not None and found != wanted
    return same, reversed_, compared


def _variants(results: Results, deviation: Deviation) -> Iterable[Variant]:
    """A deviation on the headline of every cell of the study that has both variants."""
    at = ("dataset", "architecture", "method").index(deviation.kind)
    cells = [(*pair, row) for pair in results.pairs for row in results.rows_of(pair)]
    for cell in cells:
        twin = tuple(deviation.fixed if place == at else label for place, label in enumerate(cell))
        if cell[at] != deviation.faithful or twin not in cells:
            continue
        heads = [results.headline(of[0]) for of in (cell, twin)]  # of a classifier, one for each dataset
        sides = zip((cell, twin), heads, strict=True)
        first, second = (results.values(of[:2], of[2], head).to_numpy(float) for of, head in sides)
        found = compare(second, first, direction_of(results, heads[0]), "plain").effect
        yield Variant(
            deviation,
            ", ".join(label for place, label in enumerate(cell) if place != at),
            " and ".join(dict.fromkeys(heads)),
            _summary(first),
            _summary(second),
            f"{number(found.value)} {span(found.interval) if found.interval else ''}".strip(),
        )


def _summary(found: np.ndarray) -> str:
    """`5.83 [5.10, 6.56] (1 of 5 failed)`."""
    of = average(found[finished(found)], "plain")
    failed = len(found) - of.count
    text = number(of.value) + (f" {span(of.interval, decimals(of.value))}" if of.interval else "")
    return text + (f" ({failed} of {len(found)} failed)" if failed else "")
