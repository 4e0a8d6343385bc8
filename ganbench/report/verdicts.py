"""The sentences at the top: which method is better, on what, by how much, and whether that can be said."""

from collections import Counter

from ganbench.report.collect import Pair, Results
from ganbench.report.contests import FEWEST_SEEDS, Contest, contests
from ganbench.report.numerals import listed, number, plural, span
from ganbench.report.spread import FAILED, failures
from ganbench.report.standing import Cell, Standing
from ganbench.stats import counts

MOST_NAMED = 4
"""So many methods are named in one sentence; the rest is counted."""

MOST_COLUMNS = 6
"""So many pairs of dataset and architecture without a conclusion have a sentence each."""


def verdicts(results: Results, standings: dict[str, Standing], columns: dict[Pair, list[Contest]]) -> list[str]:
    """What is true of all of it, then a sentence per dataset and architecture, then who failed. `columns`: all pairs of
    rows of each."""
    found = [*_overall(results, columns)]
    of = {pair: standings[results.headline(pair[0])] for pair in results.pairs}
    many = len(of) > MOST_COLUMNS and _seeds(columns) < FEWEST_SEEDS and len(results.rows) > 1
    leads = _leads(of) if many else []
    found += leads
    for pair, standing in of.items():
        found += [*([] if leads else [_column(results, pair, standing)]), *_without_learning(pair, standing)]
    return [*found, *_failures(results)]


def _seeds(columns: dict[Pair, list[Contest]]) -> int:
    """The most paired seeds of any comparison."""
    return max((contest.seeds for found in columns.values() for contest in found), default=0)


def _leads(of: dict[Pair, Standing]) -> list[str]:
    """Who has the best average how often, for columns that are too many to tell one by one; nothing if nobody has."""
    leads = Counter(row for pair, standing in of.items() for row, cell in standing.column(pair).items() if cell.best)
    if not leads:
        return []
    (first, most), *others = leads.most_common()
    tail = "".join(f", {row} on {count}" for row, count in others[:MOST_NAMED])
    more = len(others) - MOST_NAMED
    tail += f", {plural(more, 'other method')} on no more" if more > 0 else ""
    return [f"{first} has the best average on {most} of {len(of)} pairs of dataset and architecture{tail}."]


def _overall(results: Results, columns: dict[Pair, list[Contest]]) -> list[str]:
    """The method with the most clear wins, against each other one."""
    if len(results.rows) < 2:
        return ["There is one method: nothing to compare."]
    wins: dict[str, dict[str, int]] = {row: {} for row in results.rows}
    shared: dict[frozenset[str], int] = {}
    for contest in (contest for found in columns.values() for contest in found):
        both = frozenset((contest.first, contest.second))
        shared[both] = shared.get(both, 0) + 1
        if contest.winner in wins:
            loser = contest.second if contest.winner == contest.first else contest.first
            wins[contest.winner][loser] = wins[contest.winner].get(loser, 0) + 1
    seeds = _seeds(columns)
    if seeds < FEWEST_SEEDS:
        most = max((len({row for c in found for row in (c.first, c.second)}) for found in columns.values()), default=2)
        return [f"No conclusion that one method beats another: {_too_few(seeds, most)}."]
    leader = max(wins, key=lambda method: sum(wins[method].values()))
    beaten = wins[leader]
    if not beaten:
        return ["No method beats another on any dataset: every interval of a paired difference holds “no difference”."]
    named = sorted(beaten, key=lambda method: -beaten[method])[:MOST_NAMED]
    things = "datasets" if len(results.pairs) == len(results.datasets) else "pairs of dataset and architecture"
    parts = [f"{method} on {beaten[method]} of {shared[frozenset((leader, method))]}" for method in named]
    more = len(beaten) - len(named)
    tail = f", and {plural(more, 'other method')} somewhere" if more else ""
    lost = {m: wins[m][leader] for m in results.rows if leader in wins[m]}
    sentence = f"{leader} has the most clear wins: it beats {listed(parts)} {things}{tail}"
    if lost:
        sentence += f"; it loses to {listed([f'{m} on {n}' for m, n in list(lost.items())[:MOST_NAMED]])}"
    return [f"{sentence}."]


def _column(results: Results, pair: Pair, standing: Standing) -> str:
    """The best of one column, whom it beats and by how much, and whom it cannot be told from."""
    where, cells = ", ".join(pair), standing.column(pair)
    best = [row for row, cell in cells.items() if cell.best]
    if standing.direction not in ("lower", "higher"):
        return f"{where}: {standing.title} ranks no method."
    if not any(cell.summary.average.count for cell in cells.values()):
        return f"{where}: no method has a number."
    if not best:
        return (
            f"{where}: all methods score the same, {number(next(iter(cells.values())).value)} {standing.unit}".rstrip()
            + "."
        )
    leader = cells[best[0]]
    unit = f" {standing.unit}" if standing.unit else ""
    interval = f" {span(leader.summary.average.interval)}" if leader.summary.average.interval else ""
    verb = "has" if len(cells) == 1 else "leads with" if len(best) == 1 else "lead with"
    sentence = f"{where}: {_named(best)} {verb} {leader.text}{unit}{interval} ({standing.title})"
    others = [c for c in contests(results, pair, best[0]) if c.second not in best]
    if not others:
        return f"{sentence}."
    seeds = others[0].seeds
    if seeds < FEWEST_SEEDS:
        return f"{sentence}; no conclusion: {plural(seeds, 'seed')}, and a winner needs {FEWEST_SEEDS}."
    beaten = [c for c in others if c.winner == best[0]]
    failed = [c.second for c in others if cells[c.second].summary.failures.events]
    open_ = [c.second for c in others if c.winner is None and c.second not in failed]
    if beaten:
        winner, parts = "It" if len(best) == 1 else best[0], [f"{c.second} {_effect(c)}" for c in beaten]
        sentence += f". {winner} beats {_named(parts)}, {plural(seeds, 'paired seed')}"
    if open_:
        sentence += f". Not told apart from {'it' if len(best) == 1 else best[0]}: {_named(open_)}"
    if failed:
        sentence += f". With failed runs: {_named(failed)}"
    return f"{sentence}."


def _without_learning(pair: Pair, standing: Standing) -> list[str]:
    """Who beats what needs no learning, where samples are made for something: whose interval lies beyond it."""
    trivial = standing.baseline[standing.columns.index(pair)]
    if trivial is None or trivial.value is None or standing.direction not in ("lower", "higher"):
        return []
    sign = 1 if standing.direction == "higher" else -1
    cells = standing.column(pair)
    better = [row for row, cell in cells.items() if _beyond(cell, trivial.value, sign)]
    rest = [row for row in cells if row not in better]
    unit = f" {standing.unit}" if standing.unit else ""
    sentence = f"{', '.join(pair)}: without learning, {trivial.name} scores {number(trivial.value)}{unit}"
    if not better:
        alone = all(cell.seeds == 1 for cell in cells.values())
        return [
            f"{sentence}; {'one seed cannot say who beats that' if alone else 'no method beats that beyond chance'}."
        ]
    said = f"{_named(better)} {'beats' if len(better) == 1 else 'beat'} that"
    if rest:
        said += f", {_named(rest)} {'does' if len(rest) == 1 else 'do'} not, or not beyond chance"
    return [f"{sentence}; {said}."]


def _beyond(cell: Cell, value: float, sign: int) -> bool:
    """Whether all of a cell's interval is better than a value; where all seeds are equal, their value; never with one
    seed, or with a failed run."""
    interval = cell.summary.average.interval
    if cell.seeds == 1:
        return False
    ends = [interval.low, interval.high] if interval else [cell.value]
    return cell.summary.complete and min(sign * end for end in ends) > sign * value


def _named(rows: list[str]) -> str:
    """A few names; of more the first ones, and how many more."""
    if len(rows) <= MOST_NAMED + 1:
        return listed(rows)
    return listed([*rows[:MOST_NAMED], plural(len(rows) - MOST_NAMED, "other")])


def _effect(contest: Contest) -> str:
    """`by 6.1 modes [4.0, 8.2]`, or `(0.52 × its value [0.41, 0.66])`, always of the better over the other."""
    effect = contest.comparison.effect
    interval = span(effect.interval)
    if effect.scale == "log":
        return f"({number(effect.value)} × its value {interval})"
    low, high = (effect.interval.low, effect.interval.high) if effect.interval else (0.0, 0.0)
    if effect.value < 0:
        low, high = -high, -low
    unit = f" {contest.unit}" if contest.unit else ""
    return f"by {number(abs(effect.value))}{unit} [{number(low)}, {number(high)}]"


def _too_few(seeds: int, methods: int) -> str:
    """`3 seeds, and a winner needs 5 (a signed-rank test 6, for all pairs of 5 methods 9)`."""
    two, all_ = counts.paired_seeds(seeds).needed, counts.paired_seeds(seeds, max(2, methods)).needed
    more = f", for all pairs of {methods} methods {all_}" if methods > 2 else ""
    return f"{plural(seeds, 'seed')}, and a winner needs {FEWEST_SEEDS} (a signed-rank test {two}{more})"


def _failures(results: Results) -> list[str]:
    bad = [f for f in failures(results) if f.events]
    total = len(results.runs)
    if not bad:
        return [f"Every one of {plural(total, 'run')} finished with numbers, and none collapsed."]
    ends = dict(zip(("diverged", "collapsed", "ran out of time"), FAILED, strict=True))
    found = {end: int(sum(getattr(f, status).events for f in bad)) for end, status in ends.items()}
    counts = [f"{count} {end}" for end, count in found.items() if count]
    worst = sorted(bad, key=lambda f: -f.events)[:MOST_NAMED]
    parts = [f"{f.method} ({f.events} of {f.diverged.count})" for f in worst]
    of = "all of" if len(worst) == len(bad) else "most of them of"
    return [f"Of {plural(total, 'run')} {listed(counts)}, {of} {listed(parts)}."]
