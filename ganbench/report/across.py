"""Over datasets: ranks and their tests, normalised scores, interquartile means and performance profiles."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from ganbench.report.collect import Results
from ganbench.stats import counts
from ganbench.stats.cells import median
from ganbench.stats.counts import Allowance
from ganbench.stats.intervals import on_scale
from ganbench.stats.merit import SIGN, Floats, merit
from ganbench.stats.pairwise import PairTest, all_pairs
from ganbench.stats.profiles import Profile, profile
from ganbench.stats.ranks import Friedman, average_ranks, friedman
from ganbench.stats.tasks import InterquartileMean, interquartile_mean, normalised

FEWEST_FOR_DIAGRAM = 6
"""Below so many datasets no two methods can be told apart, and there is no critical-difference diagram."""

FEWEST_TASKS = 3
"""Below so many tasks there are no interquartile means."""


@dataclass(frozen=True)
class Ranks:
    """Methods over datasets. `average` by method, its mean rank; Friedman's test and the pairs only where the number of
    datasets allows any conclusion, else the allowances say how many are needed."""

    methods: list[str]
    datasets: list[str]
    average: dict[str, float]
    friedman_allowed: Allowance
    pairs_allowed: Allowance
    friedman: Friedman | None
    pairs: list[PairTest] | None

    @property
    def diagram(self) -> bool:
        """Whether a critical-difference diagram could show anything."""
        return self.pairs is not None and len(self.datasets) >= FEWEST_FOR_DIAGRAM and len(self.methods) > 2


@dataclass(frozen=True)
class Tasks:
    """Normalised scores: 0 is the baseline, 1 real data. `means` and `profiles` by method; `left_out` says why a
    (dataset, architecture) has no score."""

    baseline: str
    tasks: list[str]
    left_out: list[str]
    means: dict[str, InterquartileMean]
    profiles: dict[str, Profile]


def ranks(results: Results) -> Ranks | None:
    """The methods that ran on every dataset, ranked on each by the median of all their runs there, failed ones worst.
    None for one dataset, or fewer than two methods."""
    names = [d for d in results.datasets if results.measures[results.headline(d)].trait("direction") != "none"]
    methods = _everywhere(results, names)
    if len(names) < 2 or len(methods) < 2:
        return None
    table = np.array([[_merit(results, dataset, method) for dataset in names] for method in methods])
    friedman_allowed = counts.friedman_datasets(len(names), len(methods))
    pairs_allowed = counts.datasets(len(names), len(methods))
    comparable = _on_one_scale(results, names, methods) if pairs_allowed.enough else None
    return Ranks(
        methods=methods,
        datasets=names,
        average=dict(zip(methods, average_ranks(table, "higher").tolist(), strict=True)),
        friedman_allowed=friedman_allowed,
        pairs_allowed=pairs_allowed,
        friedman=friedman(table, "higher") if friedman_allowed.enough else None,
        pairs=None if comparable is None else all_pairs(comparable, "higher", "plain"),
    )


def cliques(ranks: Ranks, alpha: float = counts.ALPHA) -> list[list[str]]:
    """The largest groups of neighbours by rank of which no two differ; of two methods or more."""
    order = sorted(ranks.methods, key=lambda method: ranks.average[method])
    differ = {
        frozenset((ranks.methods[t.first], ranks.methods[t.second])) for t in ranks.pairs or [] if t.adjusted <= alpha
    }
    found: list[list[str]] = []
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(
            frozenset(two) in differ for two in itertools.combinations(order[start : end + 1], 2)
        ):
            end += 1
        if end - start > 1 and not any(set(order[start:end]) <= set(group) for group in found):
            found.append(order[start:end])
    return found


def tasks(results: Results) -> Tasks | None:
    """Every seed of every method on one scale per (dataset, architecture), the baseline being the study's first
    method. None below three tasks, and for one method, which would be its own measure."""
    baseline = results.methods[0]
    rows, left_out, found = [], [], {}
    for pair in results.pairs:
        label = ", ".join(pair)
        scores = normalised_scores(results, pair, baseline)
        if isinstance(scores, str):
            left_out.append(f"{label}: {scores}")
        else:
            found[label] = scores
    if len(found) < FEWEST_TASKS:
        return None
    rows = [m for m in results.methods if all(m in scores for scores in found.values())]
    if len(rows) < 2:
        return None
    seeds = min(len(values) for scores in found.values() for values in scores.values())
    arrays = {row: np.array([scores[row][:seeds] for scores in found.values()]) for row in rows}
    finite = np.concatenate([a[np.isfinite(a)] for a in arrays.values()] or [np.zeros(1)])
    taus = np.linspace(min(0.0, *np.quantile(finite, [0.02, 0.05])), max(1.0, float(np.quantile(finite, 0.98))), 81)
    return Tasks(
        baseline=baseline,
        tasks=list(found),
        left_out=left_out,
        means={row: interquartile_mean(scores, seed=0) for row, scores in arrays.items()},
        profiles={row: profile(scores, taus) for row, scores in arrays.items()},
    )


def normalised_scores(results: Results, pair: tuple[str, str], baseline: str) -> dict[str, Floats] | str:
    """By method the score of each seed on the headline, or why there is none. Distances are compared by their
    logarithms."""
    metric = results.headline(pair[0])
    direction, scale = results.measures[metric].trait("direction"), results.scale(metric)
    real = results.references[pair[0]]["real"].get(metric)
    if direction not in ("lower", "higher"):
        return f"{metric} is a diagnostic"
    if real is None or (scale == "log" and real <= 0):
        return "real data has no score to measure by"
    values = {run.method for run in results.runs_of(pair)}
    if baseline not in values:
        return f"{baseline}, the baseline, did not run there"
    of = on_scale(results.values(pair, baseline, metric), scale)
    if not np.isfinite(of).any():
        return f"every run of {baseline}, the baseline, failed there"
    floor = math.log(real) if scale == "log" else real
    try:
        return {
            method: normalised(
                on_scale(results.values(pair, method, metric), scale), float(np.nanmean(of)), floor, direction
            )
            for method in results.methods
            if method in values
        }
    except ValueError:
        return f"{baseline}, the baseline, is as good as real data there"


def _everywhere(results: Results, datasets: list[str]) -> list[str]:
    """The methods that ran on all of some datasets."""
    ran = {(run.dataset, run.method) for run in results.planned.values()}
    return [m for m in results.methods if all((dataset, m) in ran for dataset in datasets)]


def _all_values(results: Results, dataset: str, method: str) -> Floats:
    of = results.evaluations
    chosen = (of.dataset == dataset) & (of["row"] == method) & (of.checkpoint == "final")
    return of.loc[chosen, results.headline(dataset)].to_numpy(float)


def _merit(results: Results, dataset: str, method: str) -> float:
    direction = results.measures[results.headline(dataset)].trait("direction")
    return float(merit(median(_all_values(results, dataset, method), direction), direction))


def _on_one_scale(results: Results, datasets: list[str], methods: list[str]) -> Floats | None:
    """Medians (methods, datasets), higher better, of which differences can be ranked over datasets: divided by the
    spread between the methods of the dataset. None if a dataset has no spread."""
    columns = []
    for dataset in datasets:
        metric = results.headline(dataset)
        direction, scale = results.measures[metric].trait("direction"), results.scale(metric)
        medians = np.array([median(_all_values(results, dataset, method), direction) for method in methods])
        values = SIGN[direction] * on_scale(medians, scale)
        spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
        if spread == 0:
            return None
        columns.append(values / spread)
    return np.array(columns).T
