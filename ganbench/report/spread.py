"""What is behind the averages: failures, where the spread comes from, and whether the ranking was stable."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ganbench.report.collect import Pair, Results
from ganbench.report.numerals import number, percent, plural, span
from ganbench.stats.cells import median
from ganbench.stats.intervals import Share, share
from ganbench.stats.stability import Stability, stability
from ganbench.stats.variance import VarianceSplit, variance_split

FAILED = ("diverged", "collapsed", "timeout")
"""Every status but `ok`."""


@dataclass(frozen=True)
class Failures:
    """Of one method: how many runs diverged, collapsed, and ran out of time, and of how many; then the same by
    column."""

    method: str
    diverged: Share
    collapsed: Share
    timeout: Share
    by_pair: list[str]

    @property
    def events(self) -> int:
        """All of them together; a run has one status."""
        return int(self.diverged.events + self.collapsed.events + self.timeout.events)

    @property
    def cells(self) -> list[str]:
        """What the table shows beside the name."""
        return [percent(self.diverged), percent(self.collapsed), percent(self.timeout), *self.by_pair]


@dataclass(frozen=True)
class Split:
    """One cell's variance of the headline."""

    pair: Pair
    row: str
    found: VarianceSplit

    @property
    def cells(self) -> list[str]:
        """What the table shows beside the names: standard deviations, which have the metric's unit."""
        return [
            number(self.found.training**0.5),
            number(self.found.sampling**0.5),
            number(self.found.share, 2),
            span(self.found.interval, 2),
            f"{plural(self.found.runs, 'run')} × {plural(self.found.samples, 'sample')}",
        ]


@dataclass(frozen=True)
class Ranking:
    """The ranking of methods over training on one (dataset, architecture), against that of the last step."""

    pair: Pair
    steps: list[int]
    found: Stability

    @property
    def settled(self) -> int | None:
        """The step from which on no pair of methods changed its order; None if that is the last."""
        still = 0
        for flips in reversed(self.found.flips.tolist()):
            if flips:
                break
            still += 1
        return None if still < 2 else self.steps[-still]

    @property
    def text(self) -> str:
        """One sentence."""
        where, pairs = ", ".join(self.pair), self.found.pairs
        if self.settled is None:
            flips = int(self.found.flips[-2])
            return (
                f"{where}: at the last step but one, {self.steps[-2]:,}, {flips} of {plural(pairs, 'pair')} of methods "
                f"{'was' if flips == 1 else 'were'} in another order than at the end"
            )
        return f"{where}: from step {self.settled:,} of {self.steps[-1]:,} on, no pair of methods changed its order"


def failures(results: Results) -> list[Failures]:
    """A row per method."""
    found = []
    runs = results.runs[["method", "dataset", "architecture", "status"]]
    by = Counter(runs.itertuples(index=False, name=None))
    totals = Counter(runs.drop(columns="status").itertuples(index=False, name=None))
    for method in results.methods:
        columns = []
        for pair in results.pairs:
            if (method, *pair) not in totals:
                columns.append("·")
                continue
            bad = [f"{by[method, *pair, s]} {s}" for s in FAILED if (method, *pair, s) in by]
            columns.append(f"{', '.join(bad)} of {totals[method, *pair]}" if bad else "0")
        total = sum(count for key, count in totals.items() if key[0] == method)
        of = {s: sum(n for key, n in by.items() if key[0] == method and key[3] == s) for s in FAILED}
        found.append(Failures(method, **{status: share(of[status], total) for status in FAILED}, by_pair=columns))
    return found


def splits(results: Results) -> list[Split]:
    """The split of each cell whose runs were measured on more than one sample."""
    samples: dict[tuple[Pair, str], list[list[float]]] = {}
    for run in results.planned.values():
        record = results.records[run.id]
        final = {e["weights"]: e for e in record["evaluations"] if e["checkpoint"] == "final"}
        for weights, further in record.get("resamples", {}).items():
            row = run.method if weights == "raw" else f"{run.method} ({weights})"
            if weights in final and further:
                first = final[weights]["metrics"][results.headline(run.dataset)]
                values = [np.nan if value is None else value for value in (first, *further)]
                samples.setdefault(((run.dataset, run.architecture), row), []).append(values)
    usable = {key: rows for key, rows in samples.items() if len({len(row) for row in rows}) == 1 and len(rows) > 1}
    return [Split(pair, row, variance_split(np.array(rows))) for (pair, row), rows in usable.items()]


def rankings(results: Results) -> list[Ranking]:
    """Where two methods or more were measured at the same steps, by the median over seeds of the watched headline."""
    found = []
    for pair in results.pairs:
        measure = results.watched(pair[0])
        direction = measure.trait("direction")
        of = results.curve(pair)
        of = of[of.weights == "raw"]
        if of.empty or direction not in ("lower", "higher"):
            continue
        methods = [m for m in results.methods if m in set(of.method)]
        seeds = of.groupby("method").seed.nunique()
        steps = sorted(set.intersection(*(set(of[of.method == m].step) for m in methods)))
        if len(methods) < 2 or len(steps) < 2:
            continue
        wide = of.pivot_table(index="step", columns=["method", "seed"], values=measure.name, dropna=False)
        scores = np.array(
            [[median(_filled(wide.loc[s, m], int(seeds[m])), direction) for m in methods] for s in steps], dtype=float
        )
        found.append(Ranking(pair, [int(step) for step in steps], stability(scores, direction)))
    return found


def _filled(values: "np.typing.ArrayLike", count: int) -> np.ndarray:
    """The values, with NaN for the runs that have none at this step."""
    held = np.asarray(values, dtype=float)
    return np.concatenate([held, np.full(max(0, count - len(held)), np.nan)])
