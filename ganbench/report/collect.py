"""Results on disk to tables in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganbench import files, layout
from ganbench.measures import Measure
from ganbench.protocol import Dataset
from ganbench.report import derived
from ganbench.runs import Plan
from ganbench.searches import Search
from ganbench.stats.intervals import Scale, scale_of
from ganbench.tune.records import values_of
from ganbench.work import Run

RUN = ("dataset", "architecture", "method", "seed")
OF_RUN = (*RUN, "status", "reason", "diverged_at", "seconds", "cpu_seconds", "megabytes", "gpu_megabytes", "parameters")
OF_EVALUATION = (*RUN, "row", "weights", "checkpoint", "step", "seconds", "status")
Pair = tuple[str, str]
"""A dataset and an architecture: what methods are compared on."""


class MissingResultError(Exception):
    """A result that the plan promises and that is not there."""


@dataclass(frozen=True)
class Tuned:
    """A finished search: its trials by number, what was best, and that as an entry of a study's methods."""

    search: Search
    trials: list[dict[str, Any]]
    best: dict[str, Any]
    pasted: str

    @property
    def pair(self) -> Pair:
        """Its dataset and architecture."""
        return self.search.dataset.label, self.search.architecture.label

    @property
    def winner(self) -> int:
        """The number of the best trial."""
        return int(self.best["number"])

    def values(self, number: int) -> list[float]:
        """The objectives of a trial; NaN if it failed or was pruned."""
        found = values_of(self.search, self.trials[number])
        return found or [float("nan")] * len(self.search.objectives)

    @cached_property
    def firsts(self) -> list[float]:
        """The first objective of each trial."""
        return [self.values(number)[0] for number in range(len(self.trials))]

    @property
    def best_quarter(self) -> list[int]:
        """The best quarter of all trials by the first objective, as far as they have a number."""
        sign = -1 if self.search.directions[0] == "maximize" else 1
        finished = [number for number, value in enumerate(self.firsts) if value == value]
        return sorted(finished, key=lambda number: sign * self.firsts[number])[: max(1, len(self.trials) // 4)]


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the page shows, of one study or of two that are compared.

    `runs` has a row per run: dataset, architecture, method, seed, status, reason, diverged_at, seconds,
    megabytes, parameters, a column per metric (the final, raw weights; NaN where undefined), what was derived from
    its curve, and its digest. `evaluations` has a row per run, weights (`raw`, `ema`) and checkpoint: `final`,
    `best`, and a `snapshot` per step over training; its `row` is what tables call it: the method, or `method (ema)`.
    `references` holds each dataset's record of its reference. `planned`, `records` and `folders` hold each run, its
    record and its files by id. `stale` names the runs whose results are not of the study as it reads today. `tuned`
    holds the searches by the cell that was trained with what they found.
    """

    name: str
    plans: tuple[Plan, ...]
    datasets: dict[str, Dataset]
    runs: pd.DataFrame
    evaluations: pd.DataFrame
    references: dict[str, dict[str, Any]]
    planned: dict[str, Run]
    records: dict[str, dict[str, Any]]
    folders: dict[str, Path]
    stale: tuple[str, ...] = ()
    tuned: dict[str, Tuned] = field(default_factory=dict)

    def columns(self, metric: str) -> list[Pair]:
        """The (dataset, architecture) pairs that a metric applies to, in the study's order."""
        return [(d, a) for d, a in self.pairs if metric in self.datasets[d].measures]

    @cached_property
    def pairs(self) -> list[Pair]:
        """All (dataset, architecture) pairs, in the study's order."""
        return list(self.runs[["dataset", "architecture"]].drop_duplicates().itertuples(index=False, name=None))

    @cached_property
    def methods(self) -> list[str]:
        """All methods, in the study's order."""
        return list(dict.fromkeys(self.runs["method"]))

    @cached_property
    def rows(self) -> list[str]:
        """The rows of tables: the methods, each followed by its moving average if it has one."""
        order = {method: place for place, method in enumerate(self.methods)}
        rows = self.evaluations[["method", "row"]].drop_duplicates()
        return [row for method, row in sorted(rows.itertuples(index=False), key=lambda item: (order[item[0]], item[1]))]

    @cached_property
    def seeds(self) -> list[int]:
        """All seeds."""
        return sorted(set(self.runs["seed"].tolist()))

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """All metrics by name, each dataset's headline first."""
        named = {n: m for dataset in self.datasets.values() for n, m in dataset.measures.items()}
        heads = {dataset.headline.name for dataset in self.datasets.values()}
        return dict(sorted(named.items(), key=lambda item: (item[0] not in heads, item[1].trait("order"))))

    @property
    def headlines(self) -> list[str]:
        """The metrics that the datasets are read by first."""
        return list(dict.fromkeys(self.headline(dataset) for dataset in self.datasets))

    def headline(self, dataset: str) -> str:
        """The metric that a dataset is read by first."""
        return self.datasets[dataset].headline.name

    def watched(self, dataset: str) -> Measure:
        """The headline on the smaller sample, over training."""
        return next(iter(self.datasets[dataset].watched.values()))

    @cached_property
    def _scales(self) -> dict[str, Scale]:
        of = self.evaluations[self.evaluations.checkpoint != "snapshot"]
        return {
            metric: scale_of(of[metric]) if measure.trait("direction") == "lower" else "plain"
            for metric, measure in self.measures.items()
        }

    def scale(self, metric: str) -> Scale:
        """Whether a metric is averaged and compared by logarithms: distances, if all their values are above 0. Counts
        and shares, of which more is better, are compared by differences."""
        return self._scales[metric]

    @cached_property
    def _cells(self) -> dict[tuple[str, str, str, str], pd.DataFrame]:
        keys = ["dataset", "architecture", "row", "checkpoint"]
        ordered = self.evaluations.sort_values("seed", kind="stable").set_index("seed")
        return dict(iter(ordered.groupby(keys, sort=False)))  # type: ignore[arg-type]

    def cell(self, pair: Pair, row: str, checkpoint: str = "final") -> pd.DataFrame:
        """The evaluations of one cell by seed; a run without numbers has NaN. KeyError if there is no such cell."""
        return self._cells[*pair, row, checkpoint]

    def values(self, pair: Pair, row: str, metric: str, checkpoint: str = "final") -> "pd.Series[float]":
        """A metric of one cell by seed, NaN where a run failed."""
        return self.cell(pair, row, checkpoint)[metric]

    def scores(self, pair: Pair, rows: list[str], metric: str) -> np.ndarray:
        """A metric of some rows over the seeds that all of them have: (rows, seeds)."""
        return np.asarray(pd.concat([self.values(pair, row, metric) for row in rows], axis=1, join="inner").T)

    def rows_of(self, pair: Pair) -> list[str]:
        """The rows that have runs on this pair."""
        return [row for row in self.rows if (*pair, row, "final") in self._cells]

    def runs_of(self, pair: Pair) -> list[Run]:
        """The runs on this pair."""
        return self._runs_by_pair[pair]

    @cached_property
    def _runs_by_pair(self) -> dict[Pair, list[Run]]:
        found: dict[Pair, list[Run]] = {}
        for run in self.planned.values():
            found.setdefault((run.dataset, run.architecture), []).append(run)
        return found

    def curve(self, pair: Pair) -> pd.DataFrame:
        """The snapshots of one dataset and architecture, a row per run, weights and step."""
        of = self.evaluations
        return of[(of.dataset == pair[0]) & (of.architecture == pair[1]) & (of.checkpoint == "snapshot")]

    def history(self, run: Run) -> pd.DataFrame:
        """The training history of a run; empty if it diverged before the first row."""
        return pd.read_csv(self.folders[run.id] / layout.HISTORY)


def collect(plan: Plan, folder: Path | None = None) -> Results:
    """Read every run of a plan, from its own results or from a folder that holds a copy of such.

    Raises MissingResultError, naming the file and the way to make it. The results in a copy may be of another version
    of the study or the code: such runs are `stale`.
    """
    at = folder or layout.results(plan.study.study)
    records, stale = {}, []
    for run in plan.runs:
        records[run.id], is_of_today = _record(plan, run, at, strict=folder is None)
        if not is_of_today:
            stale.append(run.id)
    references = {}
    for label in plan.datasets:
        path = layout.reference_in(at, label)
        record = files.read_json(path)
        if record is None:
            raise MissingResultError(f"{path} is missing; `snakemake --configfile {plan.file}` makes it")
        references[label] = record
    evaluations = _evaluation_table(plan, records)
    return Results(
        name=plan.study.study,
        plans=(plan,),
        datasets=plan.datasets,
        runs=_run_table(plan, records, evaluations),
        evaluations=evaluations,
        references=references,
        planned={run.id: replace(run, spec=records[run.id]["training"]["spec"]) for run in plan.runs},
        records=records,
        folders={run.id: layout.run_in(at, run.id) for run in plan.runs},
        stale=tuple(stale),
        tuned={cell: _tuned(plan, search, at) for cell, search in plan.searches.items()},
    )


def _tuned(plan: Plan, search: Search, at: Path) -> Tuned:
    """The files of a search. Raises MissingResultError."""
    trials = [files.read_json(layout.tuning_in(at, f"{search.cell}/trial{n}")) for n in range(search.tuning.trials)]
    path = layout.tuning_in(at, f"{search.cell}/best")
    best = files.read_json(path)
    if best is None or None in trials:
        raise MissingResultError(
            f"{path}, or a trial beside it, is missing; `snakemake --configfile {plan.file}` makes it"
        )
    return Tuned(search, [trial for trial in trials if trial], best, path.with_suffix(".yaml").read_text("utf-8"))


def _evaluation_table(plan: Plan, records: dict[str, dict[str, Any]]) -> pd.DataFrame:
    final = list(dict.fromkeys(name for dataset in plan.datasets.values() for name in dataset.measures))
    watched = dict.fromkeys(name for dataset in plan.datasets.values() for name in dataset.watched)
    metrics = [*final, *(name for name in watched if name not in final)]
    rows = [row for run in plan.runs for row in _evaluations(run, records[run.id])]
    evaluations = pd.DataFrame(rows, columns=[*OF_EVALUATION, *metrics])
    evaluations[metrics] = evaluations[metrics].astype(float)
    return evaluations


def _run_table(plan: Plan, records: dict[str, dict[str, Any]], evaluations: pd.DataFrame) -> pd.DataFrame:
    final = list(dict.fromkeys(name for dataset in plan.datasets.values() for name in dataset.measures))
    last = evaluations[(evaluations.weights == "raw") & (evaluations.checkpoint == "final")]
    runs = pd.DataFrame([_row(run, records[run.id]) for run in plan.runs], columns=list(OF_RUN))
    runs = runs.merge(last[[*RUN, *final]], on=list(RUN), how="left", validate="one_to_one")
    runs = runs.merge(derived.table(plan, evaluations), on=list(RUN), how="left", validate="one_to_one")
    evaluators = {run.id: str(plan.marker(job)) for job in plan.evaluation_jobs.values() for run in job.runs}
    runs["folder"] = [str(plan.folder(run)) for run in plan.runs]
    runs["target"] = [evaluators[run.id] for run in plan.runs]
    runs["digest"] = [run.digest for run in plan.runs]
    return runs


def _record(plan: Plan, run: Run, at: Path, strict: bool) -> tuple[dict[str, Any], bool]:
    """The record of a run, and whether it is of the study as it reads today."""
    path = layout.run_in(at, run.id) / layout.METRICS
    record = files.read_json(path)
    if record is None:
        raise MissingResultError(f"{path} is missing; `snakemake --configfile {plan.file}` makes it")
    is_of_today = record.get("evaluation_digest") == run.evaluation_digest
    if strict and not is_of_today:
        raise MissingResultError(
            f"{path} is of an earlier study or plugin; `snakemake --configfile {plan.file}` makes it"
        )
    return record, is_of_today


def _named(run: Run) -> dict[str, Any]:
    return {"dataset": run.dataset, "architecture": run.architecture, "method": run.method, "seed": run.seed}


def _row(run: Run, record: dict[str, Any]) -> dict[str, Any]:
    training = record["training"]
    memory = training["peak_memory"]
    return {
        **_named(run),
        "status": record["status"],
        "reason": record["reason"],
        "diverged_at": training["diverged_at"],
        "seconds": training["seconds"],
        "cpu_seconds": training.get("cpu_seconds"),
        "megabytes": memory["resident"] / 1e6,
        "gpu_megabytes": memory["gpu"] / 1e6 if "gpu" in memory else None,
        "parameters": sum(training["parameters"].values()),
    }


def _evaluations(run: Run, record: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """All evaluations of a run; `final` and `best` have a row even where there are no numbers."""
    found = {(e["weights"], e["checkpoint"]): e for e in record["evaluations"]}
    rows = []
    for weights in ("raw", "ema") if record["training"]["spec"]["method"]["ema"] else ("raw",):
        of = {
            **_named(run),
            "row": run.method if weights == "raw" else f"{run.method} ({weights})",
            "weights": weights,
            "status": record["status"],
        }
        for checkpoint in ("final", "best"):
            evaluation = found.get((weights, checkpoint), {"step": None, "seconds": None, "metrics": {}})
            rows.append({**of, "checkpoint": checkpoint, **_flat(evaluation)})
        points = [point for point in record["curve"] if point["weights"] == weights]
        rows += [{**of, "checkpoint": "snapshot", **_flat(point)} for point in points]
    return rows


def _flat(evaluation: dict[str, Any]) -> dict[str, Any]:
    return {"step": evaluation["step"], "seconds": evaluation["seconds"], **evaluation["metrics"]}
