"""Method against method on one dataset and architecture, seed by seed."""

import itertools
from dataclasses import dataclass

from ganbench.report.collect import Pair, Results
from ganbench.report.numerals import number, p_value, percent, span
from ganbench.stats import counts
from ganbench.stats.improvement import Improvement, improvement
from ganbench.stats.pairs import Comparison, compare
from ganbench.stats.pairwise import all_pairs

FEWEST_SEEDS = 5
"""Below so many paired seeds no sentence says that a method beats another: an interval then rests on the normal shape
alone. From here on it says so, with the interval; a signed-rank test needs six."""

MOST_METHODS = 6
"""With more methods the page shows each against the best only; the file has all pairs."""


@dataclass(frozen=True)
class Contest:
    """`first` against `second`: the paired comparison, the probability of improvement, and Holm's p over all pairs of
    the column, None where the seeds are too few for any of them to be small."""

    pair: Pair
    metric: str
    unit: str
    first: str
    second: str
    comparison: Comparison
    improvement: Improvement
    seeds: int
    adjusted: float | None

    @property
    def winner(self) -> str | None:
        """The better one, if the interval leaves out "no difference" and rests on enough seeds."""
        if self.seeds < FEWEST_SEEDS or self.comparison.better is None:
            return None
        return self.first if self.comparison.better == "first" else self.second

    @property
    def effect(self) -> str:
        """`0.52 × [0.41, 0.66]`, or `6.1 [4.0, 8.2] modes`."""
        average = self.comparison.effect
        if average.count == 0:
            return "–"
        text = f"{number(average.value)}{' ×' if average.scale == 'log' else ''}"
        text += f" {span(average.interval)}" if average.interval else ""
        return f"{text} {self.unit}".strip() if average.scale == "plain" else text

    @property
    def cells(self) -> list[str]:
        """What the table shows beside the names."""
        found = self.comparison
        return [
            self.effect + (f" ({found.incomplete} incomplete)" if found.incomplete else ""),
            percent(found.wins),
            f"{self.improvement.probability:.2f} {span(self.improvement.interval, 2)}",
            "–" if self.seeds < FEWEST_SEEDS else p_value(found.p),
            "–" if self.adjusted is None else p_value(self.adjusted),
            self.winner or "open",
        ]


def contests(results: Results, pair: Pair, leader: str | None = None) -> list[Contest]:
    """All pairs of rows of a column on its headline metric, or those of one row, with it as the first. None for a
    diagnostic."""
    metric, rows = results.headline(pair[0]), results.rows_of(pair)
    measure, scale = results.measures[metric], results.scale(metric)
    direction = measure.trait("direction")
    if direction not in ("lower", "higher") or len(rows) < 2:
        return []
    table = results.scores(pair, rows, metric)
    scores, seeds = dict(zip(rows, table, strict=True)), table.shape[1]
    if seeds == 0:
        return []
    adjusted: dict[frozenset[str], float] = {}
    if counts.paired_seeds(seeds, len(rows)).enough:
        adjusted = {frozenset((rows[t.first], rows[t.second])): t.adjusted for t in all_pairs(table, direction, scale)}
    couples = itertools.combinations(rows, 2) if leader is None else ((leader, row) for row in rows if row != leader)
    return [
        Contest(
            pair=pair,
            metric=metric,
            unit=measure.trait("unit"),
            first=first,
            second=second,
            comparison=compare(scores[first], scores[second], direction, scale),
            improvement=improvement(scores[first], scores[second], direction),
            seeds=seeds,
            adjusted=adjusted.get(frozenset((first, second))),
        )
        for first, second in couples
    ]
