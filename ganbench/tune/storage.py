"""The asynchronous back end: workers, on one machine or many, search one cell together through an Optuna storage, a
journal file or a database.

Every trial of the budget waits in the storage as a numbered slot before the first worker starts, so that workers can
neither exceed the budget nor miss a part of it. Where a trial ends, its file is written before the storage is told:
whatever is killed, a finished trial is never lost, and one that was not finished is told as failed and its slot waits
again. Values depend on which worker comes first, so that two searches are not the same; results are, as ever, files.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from ganbench import files, layout
from ganbench.runs import Plan
from ganbench.searches import Search, Step
from ganbench.tune import asking, pruning, records
from ganbench.tune.pruning import Referee
from ganbench.tune.records import Record

HEARTBEAT = 10
"""Seconds between two signs of life of a trial in a database."""
GRACE = 30
"""Seconds without one after which a trial is taken for dead."""
SLOT = "slot"

TryOut = Callable[[Record, Referee], Record]


class SurplusError(Exception):
    """A trial beyond the budget: another worker took the last slot in between."""


class HopelessError(Exception):
    """A trial failed before any finished: there is no worst value yet that it could have."""


def open_study(plan: Plan, step: Step) -> None:
    """Create the study of a search, once, with its slots; or mend what killed workers left of it. No worker runs
    meanwhile."""
    search = step.search
    journal = _journal(plan, search)
    if search.tuning.storage is None:
        _mend(journal)
    study = optuna.create_study(
        storage=_storage(plan, search),
        study_name=_name(plan, search),
        directions=search.directions,
        load_if_exists=True,
    )
    latest: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        if SLOT in trial.user_attrs:
            latest[trial.user_attrs[SLOT]] = trial
    for slot in range(search.tuning.trials):
        known = latest.get(slot)
        finished = records.trial_file(plan, search, slot).is_file()
        if known is not None and known.state == TrialState.RUNNING and search.tuning.storage is None:
            record = records.finished(plan, search, slot) if finished else None
            _tell(study, search, known, record, [])
        if not finished and not _will_be_tried(known, search):
            params = known.params if known is not None else asking.own_options(search) if slot == 0 else {}
            study.enqueue_trial(params, user_attrs={SLOT: slot})
    files.write_json(plan.output_of_tuning(step), {"digest": step.digest, "study": _name(plan, search)})


def work(plan: Plan, step: Step, try_out: TryOut) -> None:
    """Try out slots until none waits; where the storage hears heartbeats, until all are finished."""
    search = step.search
    study = _load(plan, search, step.number)

    def objective(trial: Trial) -> list[float]:
        slot = trial.user_attrs.get(SLOT)
        if slot is None:
            raise SurplusError
        asking.fill(trial, search)
        request = records.request(plan, search, slot, asking.values(search, trial, slot), [])
        path = records.trial_file(plan, search, slot)
        record = files.read_json(path)
        if record is None or record.get("digest") != request["digest"]:  # else its worker died before it told
            record = try_out(request, Referee(trial, search))
            files.write_json(path, record)
        if record["status"] == "pruned":
            raise optuna.TrialPruned
        told = records.values_of(search, record) or asking.worst(search, _finished(plan, search))
        if told is None:
            raise HopelessError
        return told

    while True:
        states = [trial.state for trial in study.get_trials(deepcopy=False) if SLOT in trial.user_attrs]
        if TrialState.WAITING in states:
            study.optimize(objective, n_trials=1, catch=(SurplusError, HopelessError))
        elif TrialState.RUNNING in states and search.tuning.storage is not None:
            time.sleep(HEARTBEAT)
            optuna.storages.fail_stale_trials(study)
        else:
            break
    files.write_json(plan.output_of_tuning(step), {"digest": step.digest})


def _load(plan: Plan, search: Search, worker: int) -> optuna.Study:
    """The study as a worker uses it: no two, and none after a resume, draw the same numbers; a quasi-random sequence
    is one for all."""
    storage = _storage(plan, search)
    study = optuna.load_study(storage=storage, study_name=_name(plan, search))
    drawn = 0 if search.tuning.sampler == "qmc" else 1 + worker + search.tuning.workers * len(study.get_trials())
    study.sampler = asking.sampler(search, drawn)
    if search.tuning.pruning is not None:
        study.pruner = pruning.pruner(search.tuning.pruning, len(search.tuning.seeds) * search.tuning.evaluations)
    return study


def _storage(plan: Plan, search: Search) -> BaseStorage:
    url = search.tuning.storage
    if url is None:
        path = _journal(plan, search)
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    again = RetryHeartbeatStaleTrialCallback()
    return RDBStorage(url, heartbeat_interval=HEARTBEAT, grace_period=GRACE, heartbeat_stale_trial_callback=again)


def _journal(plan: Plan, search: Search) -> Path:
    return layout.tuning(plan.study.study, f"{search.cell}/storage").with_suffix(".journal")


def _mend(journal: Path) -> None:
    """Cut a line that a killed worker left half-written, which would swallow the next, and let its lock go."""
    if journal.is_file():
        content = journal.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with files.replacing(journal) as temporary:
                temporary.write_bytes(whole)
    journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)


def _name(plan: Plan, search: Search) -> str:
    return f"{plan.study.study}/{search.cell}/{search.digest[:16]}"


def _will_be_tried(known: FrozenTrial | None, search: Search) -> bool:
    """Whether a slot waits, or runs and is heard of if its worker dies."""
    heard = search.tuning.storage is not None
    return known is not None and (known.state == TrialState.WAITING or (known.state == TrialState.RUNNING and heard))


def _tell(study: optuna.Study, search: Search, trial: FrozenTrial, record: Record | None, others: list[Record]) -> None:
    """Tell a trial whose worker was killed: as its file says, else as failed."""
    told = record and (records.values_of(search, record) or asking.worst(search, others))
    if told:
        study.tell(trial.number, told)
    else:
        study.tell(trial.number, state=TrialState.FAIL)


def _finished(plan: Plan, search: Search) -> list[Record]:
    numbers = range(search.tuning.trials)
    return [records.finished(plan, search, n) for n in numbers if records.trial_file(plan, search, n).is_file()]


def export(plan: Plan, to: Path) -> list[str]:
    """Write every finished search into a new journal file, for optuna-dashboard; returns the studies' names."""
    storage = JournalStorage(JournalFileBackend(str(to)))
    names = []
    for search in plan.searches.values():
        trials = records.everything(plan, search)
        study = optuna.create_study(
            storage=storage, study_name=f"{plan.study.study}/{search.cell}", directions=search.directions
        )
        study.set_metric_names([measure.name for measure in search.objectives])
        for record in trials:
            study.add_trial(_exported(search, record, trials))
        names.append(study.study_name)
    return names


def _exported(search: Search, record: Record, trials: list[Record]) -> FrozenTrial:
    """A trial as the dashboard shows it: a diverged one as failed; an own setting outside the spaces without them."""
    attributes: dict[str, Any] = {"status": record["status"], "reason": record["reason"], "values": record["values"]}
    found = asking.as_trial(search, record, trials)
    told = records.values_of(search, record)
    if record["status"] == "diverged":
        return optuna.trial.create_trial(state=TrialState.FAIL, user_attrs=attributes)
    if found is None:
        return optuna.trial.create_trial(values=told, user_attrs=attributes)
    found.user_attrs.update(attributes)
    return found
