"""Published numbers and claims beside measured ones, each with a verdict by a stated rule."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ganbench import paper
from ganbench.paper import Cell, Claim, Lead, Order, Paper, Success
from ganbench.report.collect import Pair, Results
from ganbench.report.numerals import decimals, number, p_value, percent, plural, span
from ganbench.stats import equivalence
from ganbench.stats.intervals import Interval, average, share
from ganbench.stats.merit import Direction, finished, merit
from ganbench.stats.pairs import compare
from ganbench.stats.signs import signed_rank_p

Verdict = Literal["match", "same order", "differs", "open", "not run"]
VERDICTS: dict[Verdict, str] = {
    "match": "shown to be the same within the margin; of a claim: shown to hold",
    "same order": "not shown to be the same, and every difference from other rows of its column that is larger than the "
    "margin in the paper is found with the same sign, beyond chance",
    "differs": "shown to differ by more than the margin, and not the same order; of a claim: shown not to hold",
    "open": "the runs do not tell",
    "not run": "not part of this study, or of this budget",
}


@dataclass(frozen=True)
class Judged:
    """A published number beside the measured one. `label`: the method's row in the study, of several the best.
    `difference` is measured minus published with its 95 % interval; `margin` what counts as the same."""

    cell: Cell
    verdict: Verdict
    why: str
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
        if of.value == paper.FAILED:
            return "fail"
        return number(of.value) + ("" if of.spread is None else f" ± {number(of.spread)}")

    @property
    def measured(self) -> str:
        """`5.8 [5.1, 6.5]`."""
        if self.mean is None:
            return "–"
        interval = f" {span(self.interval, decimals(self.mean))}" if self.interval else ""
        return number(self.mean) + interval


@dataclass(frozen=True)
class Checked:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Variant:
    """A deviation of the reference code: both variants on one column. None where a variant was not run."""

    deviation: paper.Deviation
    on: str
    metric: str
    faithful: str
    fixed: str
    effect: str


@dataclass(frozen=True)
class Table:
    """A published table, judged. `rows`: by row of the paper, a cell for each column or None."""

    paper: Paper
    reduced: str
    rows: list[tuple[paper.Row, list[Judged | None]]]
    claims: list[Checked]
    variants: list[Variant]

    @property
    def cells(self) -> list[Judged]:
        """All cells that have a published number."""
        return [judged for _, cells in self.rows for judged in cells if judged is not None]

    def marked(self, verdict: Verdict) -> str:
        """A verdict, with the budget where it is not the protocol's."""
        return f"{verdict} (reduced budget)" if self.reduced and verdict != "not run" else verdict

    def counts(self) -> dict[str, dict[Verdict, int]]:
        """How often each verdict was found, of `cells` and of `claims`."""
        kinds: dict[str, Sequence[Judged | Checked]] = {"cells": self.cells, "claims": self.claims}
        return {
            kind: {v: sum(of.verdict == v for of in judged) for v in VERDICTS if any(of.verdict == v for of in judged)}
            for kind, judged in kinds.items()
        }


def table(results: Results) -> Table | None:
    """The published table that a study reproduces, judged; None for other studies, and for a comparison of two."""
    of = results.plans[0].study.paper
    if of is None or len(results.plans) > 1:
        return None
    seen = {id(cell.published): _measured(results, of, cell) for cell in paper.cells(of)}
    rows = []
    for row in of.rows:
        cells = [None if value is None else seen[id(value)] for value in row.values]
        rows.append((row, cells))
    columns = [[cells[at] for _, cells in rows] for at in range(len(of.columns))]
    for at, column in enumerate(columns):
        for i, judged in enumerate(column):
            if judged is not None and judged.verdict != "not run":
                rows[i][1][at] = _judge(results, of, judged, [other for other in column if other is not None])
    budget = of.budget
    return Table(
        paper=of,
        reduced=budget.text if budget is not None and budget.reduced else "",
        rows=rows,
        claims=[_check(results, claim) for claim in of.claims],
        variants=[variant for deviation in of.deviations for variant in _variants(results, deviation)],
    )


def _measured(results: Results, of: Paper, cell: Cell) -> Judged:
    """The runs of a cell and their mean; not judged yet."""
    if cell.not_run is not None:
        return Judged(cell, "not run", cell.not_run)
    found = {label: values for label in cell.methods if (values := _values(results, cell, label)) is not None}
    if not found:
        return Judged(cell, "not run", "not in this budget")
    metric = str(cell.metric)
    means = {label: _mean(values) for label, values in found.items()}
    label = max(found, key=lambda one: float(merit(means[one], _direction(results, metric))))
    values = found[label]
    held = values[finished(values)]
    value = cell.published.value
    known = average(held, "plain")
    margin = None
    if value != paper.FAILED and len(held):
        relative = cell.column.relative_margin
        margin = cell.published.margin or cell.column.margin or (relative and relative * abs(float(value)))
    return Judged(
        cell=cell,
        verdict="open",
        why="",
        label=label,
        values=tuple(values.tolist()),
        mean=known.value if len(held) else None,
        interval=known.interval,
        margin=margin,
    )


def _judge(results: Results, of: Paper, judged: Judged, column: list[Judged]) -> Judged:
    """The verdict of a cell among those of its column."""
    published = judged.cell.published
    values = np.array(judged.values)
    failed = int((~finished(values)).sum())
    if published.value == paper.FAILED:
        return _judge_failure(results, judged)
    if judged.mean is None:
        return _as(judged, "differs" if failed else "open", f"{failed} of {plural(len(values), 'run')} have no number")
    value, tested = float(published.value), "open"
    parts = []
    if judged.margin is not None:
        difference = equivalence.difference(values, value, judged.cell.sd, judged.cell.runs)
        judged = _as(judged, "open", "", difference=difference.value, difference_interval=difference.interval())
        if failed:
            parts.append(f"{failed} of {plural(len(values), 'run')} have no number")
        else:
            tested = equivalence.verdict(difference, judged.margin)
        parts.append(_difference_text(difference, judged.margin))
    if len(judged.cell.methods) > 1:
        parts.append(f"{judged.label}, the best of {len(judged.cell.methods)} on the runs that are shown")
    if tested == "match":
        return _as(judged, "match", "; ".join(parts))
    same, contradicted, compared = _order(results, judged, column)
    if compared:
        told = f"of {plural(compared, 'difference')} in its column, {same} found, {contradicted} reversed"
        parts.append(told)
    if compared and same == compared:
        return _as(judged, "same order", "; ".join(parts))
    if tested == "differs" or (judged.margin is None and contradicted):
        return _as(judged, "differs", "; ".join(parts))
    return _as(judged, "open", "; ".join(parts))


def _as(judged: Judged, verdict: Verdict, why: str, **more: object) -> Judged:
    return Judged(**{**vars(judged), **more, "verdict": verdict, "why": why})  # type: ignore[arg-type]


def _judge_failure(results: Results, judged: Judged) -> Judged:
    """A cell of which the paper says that training failed: whether most runs here did, by Wilson's interval."""
    runs = _statuses(results, judged.cell, str(judged.label))
    failed = share(sum(status != "ok" for status in runs), len(runs))
    told = f"failed {percent(failed)}"
    verdict: Verdict = "open"
    if failed.interval.low > 0.5:
        verdict = "match"
    elif failed.interval.high < 0.5:
        verdict = "differs"
    return _as(judged, verdict, told)


def _difference_text(found: equivalence.Difference, margin: float) -> str:
    interval = found.interval()
    places = decimals(margin)
    text = f"measured − published {number(found.value, places)}"
    if interval is None:
        return f"{text}: no spread over training runs is known, so no interval"
    return f"{text} {span(interval, places)}, margin {number(margin)} ({found.basis})"


def _order(results: Results, judged: Judged, column: Iterable[Judged]) -> tuple[int, int, int]:
    """Of the other rows whose published value is further off than the margin: how many are found on the same side, how
    many on the other, both beyond chance; and how many there are that were run."""
    same = reversed_ = compared = 0
    metric, mine = str(judged.cell.metric), judged.cell.published.value
    for other in column:
        theirs = other.cell.published.value
        if other is judged or other.label == judged.label or not other.values or other.cell.metric != metric:
            continue
        if paper.FAILED in (mine, theirs) or len(other.values) != len(judged.values):
            continue
        gap = float(mine) - float(theirs)
        if abs(gap) <= (judged.margin or 0.0):
            continue
        compared += 1
        found = _better(judged.values, other.values, _direction(results, metric))
        wanted = "first" if (gap > 0) == (_direction(results, metric) == "higher") else "second"
        same += found == wanted
        reversed_ += found is not None and found != wanted
    return same, reversed_, compared


def _better(first: Sequence[float], second: Sequence[float], direction: Direction) -> Literal["first", "second"] | None:
    """Which of two is better over paired seeds, beyond chance: by the interval of the mean difference, or, if a run has
    no number, by the signed-rank test, where it loses to every number."""
    found = compare(first, second, direction, "plain")
    if not found.incomplete:
        effect = found.effect
        if effect.interval is None and effect.count > 1 and effect.value != 0:  # the same difference in every pair
            return "first" if found.wins.events == effect.count else "second"
        return found.better
    x, y = merit(first, direction), merit(second, direction)
    with np.errstate(invalid="ignore"):
        gains = np.where(x == y, 0.0, x - y)
    if signed_rank_p(gains) > 0.05:
        return None
    return "first" if found.wins.value > 0.5 else "second"


def _check(results: Results, claim: Claim) -> Checked:
    pairs = [
        pair
        for pair in results.columns(claim.metric) if claim.metric in results.measures
        if pair[0] in (claim.datasets or (pair[0],)) and pair[1] in (claim.architectures or (pair[1],))
    ] if claim.metric in results.measures else []
    if isinstance(claim, Order):
        return _check_order(results, claim, pairs)
    if isinstance(claim, Success):
        return _check_success(results, claim, pairs)
    return _check_lead(results, claim, pairs)


def _check_order(results: Results, claim: Order, pairs: list[Pair]) -> Checked:
    direction = _direction(results, claim.metric) if pairs else "higher"
    found: list[str | None] = []
    events = count = 0
    for pair in pairs:
        for better in claim.better:
            for worse in claim.worse:
                x, y = (_column(results, pair, row, claim.metric) for row in (better, worse))
                if x is None or y is None:
                    continue
                found.append(_better(x, y, direction))
                events += int((merit(x, direction) > merit(y, direction)).sum())
                count += len(x)
    if not found:
        return Checked(claim, "not run", "not in this budget")
    told = f"better in {events} of {plural(count, 'pair')} of runs with one seed"
    if claim.holds == "in every pair of seeds":
        return Checked(claim, "match" if events == count else "differs", told)
    held, reversed_ = found.count("first"), found.count("second")
    of = f"beyond chance in {held} of {plural(len(found), 'comparison')}, reversed in {reversed_}; {told}"
    return Checked(claim, "differs" if reversed_ else "match" if held == len(found) else "open", of)


def _check_success(results: Results, claim: Success, pairs: list[Pair]) -> Checked:
    parts, verdicts = [], []
    for row in claim.methods:
        runs = [v for pair in pairs if (v := _column(results, pair, row, claim.metric)) is not None]
        if not runs:
            continue
        reached = np.concatenate([_reached(values, claim) for values in runs])
        events, count = int(reached.sum()), len(reached)
        within = share(events, count).interval
        verdicts.append(
            {
                "all": "match" if events == count else "differs",
                "none": "match" if events == 0 else "differs",
                "most": "match" if within.low > 0.5 else "differs" if within.high < 0.5 else "open",
                "few": "match" if within.high < 0.5 else "differs" if within.low > 0.5 else "open",
            }[claim.runs]
        )
        parts.append(f"{row}: {percent(share(events, count))}")
    return Checked(claim, _worst(verdicts), "; ".join(parts) or "not in this budget")


def _check_lead(results: Results, claim: Lead, pairs: list[Pair]) -> Checked:
    """Whether one succeeds alone more often than the other alone: McNemar's test, exact."""
    both = only_first = only_second = neither = 0
    for pair in pairs:
        x, y = (_column(results, pair, row, claim.metric) for row in (claim.more, claim.than))
        if x is None or y is None:
            continue
        first, second = _reached(x, claim), _reached(y, claim)
        both += int((first & second).sum())
        only_first += int((first & ~second).sum())
        only_second += int((~first & second).sum())
        neither += int((~first & ~second).sum())
    if not both + only_first + only_second + neither:
        return Checked(claim, "not run", "not in this budget")
    told = f"only {claim.more} {only_first}, only {claim.than} {only_second}, both {both}, neither {neither}"
    p = signed_rank_p([1.0] * only_first + [-1.0] * only_second)
    verdict: Verdict = "open" if p > 0.05 else "match" if only_first > only_second else "differs"
    return Checked(claim, verdict, f"{told} (exact McNemar p = {p_value(p)})")


def _worst(verdicts: Sequence[str]) -> Verdict:
    order: tuple[Verdict, ...] = ("differs", "open", "match")
    return next((verdict for verdict in order if verdict in verdicts), "not run")


def _reached(values: np.ndarray, claim: Success | Lead) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return values >= claim.at_least if claim.at_least is not None else values <= claim.at_most


def _variants(results: Results, deviation: paper.Deviation) -> Iterable[Variant]:
    """A deviation on the headline of every column that both variants share, or that differ in nothing else."""
    at = {"dataset": 0, "architecture": 1, "method": 2}[deviation.kind]
    cells = [(*pair, row) for pair in results.pairs for row in results.rows_of(pair)]
    for cell in cells:
        if cell[at] != deviation.faithful:
            continue
        twin = tuple(deviation.fixed if place == at else label for place, label in enumerate(cell))
        if twin not in cells:
            continue
        metric, direction = results.headline(cell[0]), _direction(results, results.headline(cell[0]))
        first, second = (results.values((c[0], c[1]), c[2], metric).to_numpy(float) for c in (cell, twin))
        found = compare(first, second, direction, "plain")
        rest = ", ".join(label for place, label in enumerate(cell) if place != at)
        yield Variant(
            deviation,
            rest,
            metric,
            _summary(first),
            _summary(second),
            f"{number(found.effect.value)} {span(found.effect.interval) if found.effect.interval else ''}".strip(),
        )


def _summary(values: np.ndarray) -> str:
    of = average(values[finished(values)], "plain")
    failed = len(values) - of.count
    text = number(of.value) + (f" {span(of.interval, decimals(of.value))}" if of.interval else "")
    return text + (f" ({failed} of {len(values)} failed)" if failed else "")


def _values(results: Results, cell: Cell, label: str) -> np.ndarray | None:
    architecture = cell.architecture or next((a for d, a in results.pairs if d == cell.dataset), None)
    row = label if cell.weights == "raw" else f"{label} ({cell.weights})"
    return _column(results, (str(cell.dataset), str(architecture)), row, str(cell.metric), cell.checkpoint)


def _column(
    results: Results, pair: Pair, row: str, metric: str, checkpoint: str = "final"
) -> np.ndarray | None:
    """A metric of one cell by seed; None if it was not run."""
    if pair not in results.pairs or row not in results.rows_of(pair):
        return None
    return results.values(pair, row, metric, checkpoint).to_numpy(float)


def _statuses(results: Results, cell: Cell, label: str) -> list[str]:
    architecture = cell.architecture or next(a for d, a in results.pairs if d == cell.dataset)
    runs = results.runs
    of = runs[(runs.dataset == cell.dataset) & (runs.architecture == architecture) & (runs.method == label)]
    return [str(status) for status in of.status]


def _direction(results: Results, metric: str) -> Direction:
    direction: Direction = "higher" if results.measures[metric].trait("direction") == "higher" else "lower"
    return direction


def _mean(values: np.ndarray) -> float:
    held = values[finished(values)]
    return float(held.mean()) if len(held) else math.nan
