"""What a paper claims beside its numbers, checked on the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ganbench.paper import Claim, Lead, Order, Success
from ganbench.report.collect import Pair, Results
from ganbench.report.numerals import p_value, percent, plural
from ganbench.stats.intervals import share
from ganbench.stats.merit import Direction, merit
from ganbench.stats.pairs import winner
from ganbench.stats.signs import signed_rank_p

ALPHA = 0.05

Outcome = Literal["match", "differs", "open", "not run"]


@dataclass(frozen=True)
class Checked:
    """A claim with its verdict, and the counts that it rests on."""

    claim: Claim
    verdict: Outcome
    why: str


def check(results: Results, claim: Claim) -> Checked:
    """A claim on all columns that it is about and that were run."""
    pairs = results.columns(claim.metric)
    if claim.datasets is not None:
        pairs = [pair for pair in pairs if pair[0] in claim.datasets]
    if claim.architectures is not None:
        pairs = [pair for pair in pairs if pair[1] in claim.architectures]
    match claim:
        case Order():
            return _order(results, claim, pairs)
        case Success():
            return _success(results, claim, pairs)
        case Lead():
            return _lead(results, claim, pairs)


def column_of(results: Results, pair: Pair, row: str, metric: str, checkpoint: str = "final") -> np.ndarray | None:
    """A metric of one cell of the study by seed, NaN where a run failed; None if there is no such cell."""
    if pair not in results.pairs or row not in results.rows_of(pair):
        return None
    return results.values(pair, row, metric, checkpoint).to_numpy(float)


def direction_of(results: Results, metric: str) -> Direction:
    """Whether more of a metric is better; less, for a diagnostic."""
    return "higher" if results.measures[metric].trait("direction") == "higher" else "lower"


def _order(results: Results, claim: Order, pairs: list[Pair]) -> Checked:
    """On average: each of the better is better than each of the worse in each column, beyond chance; shown not to hold
    as soon as one is worse beyond chance. In every pair of seeds: literally, where a run without a number loses. What
    was not run is not shown."""
    winners: list[str | None] = []
    events = count = missing = 0
    for pair in pairs:
        for better in claim.better:
            for worse in claim.worse:
                x, y = (column_of(results, pair, row, claim.metric) for row in (better, worse))
                if x is None or y is None:
                    missing += 1
                    continue
                direction = direction_of(results, claim.metric)
                winners.append(winner(x, y, direction))
                events += int((merit(x, direction) > merit(y, direction)).sum())
                count += len(x)
    if not winners:
        return Checked(claim, "not run", "not in this budget")
    shown: Outcome = "open" if missing else "match"
    left_out = f"; {plural(missing, 'comparison')} not run" if missing else ""
    counted = f"better in {events} of {plural(count, 'pair')} of runs with one seed{left_out}"
    if claim.holds == "in every pair of seeds":
        return Checked(claim, shown if events == count else "differs", counted)
    held, reversed_ = winners.count("first"), winners.count("second")
    verdict: Outcome = "differs" if reversed_ else shown if held == len(winners) else "open"
    told = f"of {plural(len(winners), 'comparison')} {held} found beyond chance, {reversed_} reversed"
    return Checked(claim, verdict, f"{told}; {counted}")


def _success(results: Results, claim: Success, pairs: list[Pair]) -> Checked:
    """All and none are meant literally; most and few are shown by Wilson's interval of the share. What was not run is
    not shown."""
    parts: list[str] = []
    missing: list[str] = []
    found: list[Outcome] = []
    for row in claim.methods:
        columns = [column_of(results, pair, row, claim.metric) for pair in pairs]
        reached = [_reached(values, claim) for values in columns if values is not None]
        if not reached:
            missing.append(row)
            continue
        of = share(int(np.concatenate(reached).sum()), sum(map(len, reached)))
        found.append(_share_verdict(claim.runs, of.value, of.interval.low, of.interval.high))
        parts.append(f"{row}: {percent(of)}")
    if not found:
        return Checked(claim, "not run", "not in this budget")
    if missing:
        found.append("open")
        parts.append(f"not run: {', '.join(missing)}")
    worst: Outcome = "differs" if "differs" in found else "open" if "open" in found else "match"
    return Checked(claim, worst, "; ".join(parts))


def _share_verdict(wanted: str, value: float, low: float, high: float) -> Outcome:
    if wanted in ("all", "none"):
        return "match" if value == (wanted == "all") else "differs"
    more, less = low > 0.5, high < 0.5
    if not (more or less):
        return "open"
    return "match" if more == (wanted == "most") else "differs"


def _lead(results: Results, claim: Lead, pairs: list[Pair]) -> Checked:
    """Whether one succeeds alone more often than the other succeeds alone: McNemar's test, exact."""
    counts = np.zeros((2, 2), dtype=int)
    for pair in pairs:
        x, y = (column_of(results, pair, row, claim.metric) for row in (claim.more, claim.than))
        if x is not None and y is not None:
            np.add.at(counts, (_reached(x, claim).astype(int), _reached(y, claim).astype(int)), 1)
    if not counts.sum():
        return Checked(claim, "not run", "not in this budget")
    (neither, second), (first, both) = counts.tolist()
    p = signed_rank_p([1.0] * first + [-1.0] * second)
    verdict: Outcome = "open" if p > ALPHA else "match" if first > second else "differs"
    told = f"{claim.more} alone {first}, {claim.than} alone {second}, both {both}, neither {neither}"
    return Checked(claim, verdict, f"{told} (McNemar, exact: p = {p_value(p)})")


def _reached(values: Sequence[float] | np.ndarray, claim: Success | Lead) -> np.ndarray:
    """Which runs succeed; one without a number does not."""
    found = np.asarray(values, dtype=float)
    return found >= claim.at_least if claim.at_least is not None else found <= (claim.at_most or 0.0)
