"""Results on disk to tables in memory."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ganbench import files, layout
from ganbench.measures import Measure
from ganbench.report import derived
from ganbench.runs import Plan, Run

RUN = ("dataset", "architecture", "method", "seed")
OF_RUN = (*RUN, "status", "reason", "diverged_at", "seconds", "megabytes", "parameters")
OF_EVALUATION = (*RUN, "row", "weights", "checkpoint", "step", "seconds", "status")


class MissingResultError(Exception):
    """A result that the plan promises and that is not there."""


@dataclass(frozen=True)
class Results:
    """Everything that the page shows.

    `runs` has a row per run: dataset, architecture, method, seed, status, reason, diverged_at, seconds,
    megabytes, parameters, a column per metric (the final, raw weights; NaN where undefined), what was derived from
    its curve, and its digest. `evaluations` has a row per run, weights (`raw`, `ema`) and checkpoint: `final`,
    `best`, and a `snapshot` per step over training; its `row` is what tables call it: the method, or `method (ema)`.
    `references` holds each dataset's record of its reference, `records` each run's record by id.
    """

    plan: Plan
    runs: pd.DataFrame
    evaluations: pd.DataFrame
    references: dict[str, dict[str, Any]]
    records: dict[str, dict[str, Any]]

    def columns(self, metric: str) -> list[tuple[str, str]]:
        """The (dataset, architecture) pairs that a metric applies to, in the study's order."""
        return [(d, a) for d, a in self.pairs if metric in self.plan.datasets[d].measures]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All (dataset, architecture) pairs, in the study's order."""
        return list(self.runs[["dataset", "architecture"]].drop_duplicates().itertuples(index=False, name=None))

    @property
    def methods(self) -> list[str]:
        """All methods, in the study's order."""
        return list(dict.fromkeys(self.runs["method"]))

    @property
    def rows(self) -> list[str]:
        """The rows of tables: the methods, each followed by its moving average if it has one."""
        order = {method: place for place, method in enumerate(self.methods)}
        rows = self.evaluations[["method", "row"]].drop_duplicates()
        return sorted(rows.row, key=lambda row: (order[row.removesuffix(" (ema)")], row))

    @property
    def measures(self) -> dict[str, Measure]:
        """All metrics by name, each dataset's headline first."""
        named = {n: m for dataset in self.plan.datasets.values() for n, m in dataset.measures.items()}
        heads = {dataset.headline.name for dataset in self.plan.datasets.values()}
        return dict(sorted(named.items(), key=lambda item: (item[0] not in heads, item[1].trait("order"))))

    def headline(self, dataset: str) -> str:
        """The metric that a dataset is read by first."""
        return self.plan.datasets[dataset].headline.name

    def cell(self, dataset: str, architecture: str, row: str, checkpoint: str = "final") -> pd.DataFrame:
        """The evaluations of one cell, a row per seed; a run without numbers has NaN."""
        of = self.evaluations
        return of[
            (of.dataset == dataset)
            & (of.architecture == architecture)
            & (of["row"] == row)
            & (of.checkpoint == checkpoint)
        ]

    def curve(self, dataset: str, architecture: str) -> pd.DataFrame:
        """The snapshots of one dataset and architecture, a row per run, weights and step."""
        of = self.evaluations
        return of[(of.dataset == dataset) & (of.architecture == architecture) & (of.checkpoint == "snapshot")]


def collect(plan: Plan) -> Results:
    """Read every run of a plan. Raises MissingResultError, naming the file and the way to make it."""
    records = {run.id: _record(plan, run) for run in plan.runs}
    references = {}
    for label in plan.datasets:
        path = layout.reference(plan.study.study, label)
        record = files.read_json(path)
        if record is None:
            raise MissingResultError(f"{path} is missing; `snakemake --configfile {plan.file}` makes it")
        references[label] = record
    final = list(dict.fromkeys(name for dataset in plan.datasets.values() for name in dataset.measures))
    watched = dict.fromkeys(name for dataset in plan.datasets.values() for name in dataset.watched)
    metrics = [*final, *(name for name in watched if name not in final)]
    rows = [row for run in plan.runs for row in _evaluations(run, records[run.id])]
    evaluations = pd.DataFrame(rows, columns=[*OF_EVALUATION, *metrics])
    evaluations[metrics] = evaluations[metrics].astype(float)
    last = evaluations[(evaluations.weights == "raw") & (evaluations.checkpoint == "final")]
    runs = pd.DataFrame([_row(run, records[run.id]) for run in plan.runs], columns=list(OF_RUN))
    runs = runs.merge(last[[*RUN, *final]], on=list(RUN), how="left", validate="one_to_one")
    runs = runs.merge(derived.table(plan, evaluations), on=list(RUN), how="left", validate="one_to_one")
    runs["digest"] = [run.digest for run in plan.runs]
    return Results(plan, runs, evaluations, references, records)


def history(plan: Plan, run: Run) -> pd.DataFrame:
    """The training history of a run; empty if it diverged before the first row."""
    return pd.read_csv(plan.folder(run) / layout.HISTORY)


def _record(plan: Plan, run: Run) -> dict[str, Any]:
    path = plan.folder(run) / layout.METRICS
    record = files.read_json(path)
    if record is None or record.get("evaluation_digest") != run.evaluation_digest:
        state = "is missing" if record is None else "is of an earlier study or plugin"
        raise MissingResultError(f"{path} {state}; `snakemake --configfile {plan.file}` makes it")
    return record


def _named(run: Run) -> dict[str, Any]:
    return {"dataset": run.dataset, "architecture": run.architecture, "method": run.method, "seed": run.seed}


def _row(run: Run, record: dict[str, Any]) -> dict[str, Any]:
    training = record["training"]
    return {
        **_named(run),
        "status": record["status"],
        "reason": record["reason"],
        "diverged_at": training["diverged_at"],
        "seconds": training["seconds"],
        "megabytes": training["peak_memory"]["resident"] / 1e6,
        "parameters": sum(training["parameters"].values()),
    }


def _evaluations(run: Run, record: dict[str, Any]) -> list[dict[str, Any]]:
    """All evaluations of a run; `final` and `best` have a row even where there are no numbers."""
    found = {(e["weights"], e["checkpoint"]): e for e in record["evaluations"]}
    rows = []
    for weights in ("raw", "ema") if run.spec["method"]["ema"] else ("raw",):
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
