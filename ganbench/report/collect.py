"""Results on disk to tables in memory."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ganbench import files, layout
from ganbench.runs import Plan, Run

COLUMNS = (
    *("dataset", "architecture", "method", "seed", "status", "reason", "diverged_at"),
    *("seconds", "megabytes", "parameters"),
)


class MissingResultError(Exception):
    """A result that the plan promises and that is not there."""


@dataclass(frozen=True)
class Results:
    """Everything that the page shows.

    `runs` has a row per run: dataset, architecture, method, seed, status, reason, diverged_at, seconds,
    megabytes, parameters, digest, and a column per metric (NaN where undefined). `references` holds each
    dataset's record of its reference, `records` each run's record by id.
    """

    plan: Plan
    runs: pd.DataFrame
    references: dict[str, dict[str, Any]]
    records: dict[str, dict[str, Any]]

    def columns(self, metric: str) -> list[tuple[str, str]]:
        """The (dataset, architecture) pairs that a metric applies to, in the study's order."""
        return [(d, a) for d, a in self.pairs if metric in self.plan.datasets[d].metrics]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All (dataset, architecture) pairs, in the study's order."""
        return list(self.runs[["dataset", "architecture"]].drop_duplicates().itertuples(index=False, name=None))

    @property
    def methods(self) -> list[str]:
        """All methods, in the study's order."""
        return list(dict.fromkeys(self.runs["method"]))

    @property
    def metrics(self) -> list[str]:
        """All metrics, each dataset's headline first."""
        named = [name for dataset in self.plan.datasets.values() for name in dataset.metrics]
        return sorted(dict.fromkeys(named), key=lambda name: self.trait(name, "order"))

    def headline(self, dataset: str) -> str:
        """The metric that a dataset is read by first."""
        return self.plan.datasets[dataset].metrics[0]

    def trait(self, metric: str, name: str) -> Any:
        """What a metric declares, e.g. its title or direction."""
        return self.plan.registry.card("metric", metric).traits[name]

    def cell(self, dataset: str, architecture: str, method: str) -> pd.DataFrame:
        """The runs of one cell, a row per seed."""
        runs = self.runs
        return runs[(runs.dataset == dataset) & (runs.architecture == architecture) & (runs.method == method)]


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
    metrics = list(dict.fromkeys(name for dataset in plan.datasets.values() for name in dataset.metrics))
    rows = [_row(run, records[run.id]) for run in plan.runs]
    return Results(plan, pd.DataFrame(rows, columns=[*COLUMNS, *metrics, "digest"]), references, records)


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


def _row(run: Run, record: dict[str, Any]) -> dict[str, Any]:
    training = record["training"]
    return {
        "dataset": run.dataset,
        "architecture": run.architecture,
        "method": run.method,
        "seed": run.seed,
        "status": record["status"],
        "reason": record["reason"],
        "diverged_at": training["diverged_at"],
        "seconds": training["seconds"],
        "megabytes": training["peak_memory"]["resident"] / 1e6,
        "parameters": sum(training["parameters"].values()),
        "digest": run.digest,
        **{name: float("nan") if value is None else value for name, value in record["metrics"].items()},
    }
