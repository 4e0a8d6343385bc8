"""Two results as one, so that one page shows both: methods carry the name of the side that they are from."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ganbench.protocol import Dataset
from ganbench.report.collect import Pair, Results
from ganbench.report.contests import Contest, contests
from ganbench.report.numerals import listed, number, plural, span
from ganbench.stats import counts

MOST_SETTINGS = 4


@dataclass(frozen=True)
class Change:
    """What became of one method on one dataset and architecture, from the first side to the second."""

    pair: Pair
    method: str
    settings: list[str]
    contest: Contest | None
    equal: bool

    @property
    def beyond_noise(self) -> bool:
        """Whether the paired difference leaves out "no change", with enough seeds to say so."""
        return self.contest is not None and self.contest.winner is not None

    @property
    def text(self) -> str:
        """The verdict."""
        if self.contest is None:
            return "no seeds in common"
        effect = self.contest.comparison.effect
        if self.equal:
            return f"the same values on {plural(self.contest.seeds, 'seed')}"
        known = f"{number(effect.value)}{' ×' if effect.scale == 'log' else ''} {span(effect.interval)}"
        if self.contest.winner is not None:
            worse = self.contest.winner == self.contest.first
            return f"{'worse' if worse else 'better'}: {known}, {plural(self.contest.seeds, 'paired seed')}"
        if self.contest.comparison.incomplete:
            return f"open: {plural(self.contest.comparison.incomplete, 'pair')} with a failed run"
        allowed = counts.paired_seeds(self.contest.seeds)
        return f"no change beyond noise: {known}" if allowed.count >= allowed.needed - 1 else f"{known}; {allowed.text}"


def merge(first: Results, second: Results, tags: tuple[str, str]) -> Results:
    """Both results, with `method [tag]` for every method. Datasets of one name and one content share their columns."""
    shared = {
        label
        for label in first.datasets
        if label in second.datasets
        and first.datasets[label].spec == second.datasets[label].spec
        and first.headline(label) == second.headline(label)
    }
    sides = [_tagged(side, tag, shared) for side, tag in zip((first, second), tags, strict=True)]
    datasets: dict[str, Dataset] = {}
    for side in sides:
        for label, dataset in side.datasets.items():
            known = datasets.get(label)
            measures = {**dataset.measures, **known.measures} if known else dataset.measures
            watched = known or dataset
            datasets[label] = replace(watched, measures=measures)
    references: dict[str, Any] = {**sides[1].references, **sides[0].references}
    for label in shared:
        real = {**second.references[label]["real"], **first.references[label]["real"]}
        references[label] = {**references[label], "real": real}
    return Results(
        name=f"{tags[0]} and {tags[1]}",
        plans=(*first.plans, *second.plans),
        datasets=datasets,
        runs=pd.concat([side.runs for side in sides], ignore_index=True),
        evaluations=pd.concat([side.evaluations for side in sides], ignore_index=True),
        references=references,
        planned={**sides[0].planned, **sides[1].planned},
        records={**sides[0].records, **sides[1].records},
        folders={**sides[0].folders, **sides[1].folders},
        stale=(*sides[0].stale, *sides[1].stale),
    )


def changes(merged: Results, tags: tuple[str, str]) -> list[Change]:
    """One per method, dataset and architecture that both sides have, in the first's order."""
    found = []
    for pair in merged.pairs:
        runs = {(run.method, run.seed): run for run in merged.runs_of(pair)}
        for method in dict.fromkeys(name for name, _ in runs):
            base = method.removesuffix(f" [{tags[0]}]")
            other = f"{base} [{tags[1]}]"
            seeds = [seed for name, seed in runs if name == method and (other, seed) in runs]
            if method == base or not any(name == other for name, _ in runs):
                continue
            contest = next((c for c in contests(merged, pair, method) if c.second == other), None) if seeds else None
            metric = merged.headline(pair[0])
            before, after = (merged.values(pair, row, metric).reindex(seeds) for row in (method, other))
            settings = _differences(runs[method, seeds[0]].spec, runs[other, seeds[0]].spec) if seeds else []
            found.append(Change(pair, base, settings, contest, before.equals(after)))
    return found


def sentences(found: list[Change], tags: tuple[str, str]) -> list[str]:
    """What changed beyond noise; the first of all verdicts of a comparison."""
    if not found:
        return [f"{tags[0]} and {tags[1]} have no method in common on any dataset and architecture."]
    moved = [change for change in found if change.beyond_noise]
    cells = plural(len(found), "method and dataset") if len(found) == 1 else f"{len(found)} pairs of method and dataset"
    if not moved:
        return [f"From {tags[0]} to {tags[1]}, none of {cells} changed beyond noise."]
    names = [f"{c.method} on {', '.join(c.pair)} ({c.text})" for c in moved[:6]]
    more = f", and {len(moved) - 6} more" if len(moved) > 6 else ""
    return [f"From {tags[0]} to {tags[1]}, {len(moved)} of {cells} changed beyond noise: {listed(names)}{more}."]


def _tagged(side: Results, tag: str, shared: set[str]) -> Results:
    """The side with its tag on every method, and on every dataset that the other side does not share."""

    def method(name: str) -> str:
        return f"{name} [{tag}]"

    def dataset(label: str) -> str:
        return label if label in shared else f"{label} [{tag}]"

    def table(of: pd.DataFrame) -> pd.DataFrame:
        named = of.assign(method=of.method.map(method), dataset=of.dataset.map(dataset))
        return named.assign(row=of["row"].map(method)) if "row" in of else named

    planned = {
        run.id: replace(run, method=method(run.method), dataset=dataset(run.dataset)) for run in side.planned.values()
    }
    renamed = {old: new.id for old, new in planned.items()}
    return replace(
        side,
        datasets={dataset(label): of for label, of in side.datasets.items()},
        runs=table(side.runs),
        evaluations=table(side.evaluations),
        references={dataset(label): of for label, of in side.references.items()},
        planned={new.id: new for new in planned.values()},
        records={renamed[old]: of for old, of in side.records.items()},
        folders={renamed[old]: of for old, of in side.folders.items()},
        stale=tuple(renamed[old] for old in side.stale),
    )


def _differences(first: Any, second: Any, path: str = "") -> list[str]:
    """`training.generator_steps: 1000 to 2000` for each setting that differs; a hash says that code changed."""
    if isinstance(first, dict) and isinstance(second, dict):
        keys = dict.fromkeys([*first, *second])
        return [
            text
            for key in keys
            for text in _differences(first.get(key), second.get(key), f"{path}.{key}" if path else key)
        ]
    if first == second:
        return []
    if path.endswith("sha256"):
        return [f"the code of {path.removesuffix('.sha256')}"]
    return [f"{path}: {first} to {second}"]
