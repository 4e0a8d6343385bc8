"""The files of a search: what was asked for, what came out. Imports no torch."""

from pathlib import Path
from typing import Any

from ganbench import files, layout, specs
from ganbench.parameters import Values
from ganbench.runs import Plan
from ganbench.searches import Search, Step

Record = dict[str, Any]
FINISHED = ("ok", "pruned", "diverged")


class MissingTrialError(Exception):
    """A file of a search that should be there."""


def generation_file(plan: Plan, search: Search, generation: int) -> Path:
    """A generation of trials as asked for."""
    return layout.tuning(plan.study.study, f"{search.cell}/generation{generation}")


def trial_file(plan: Plan, search: Search, number: int) -> Path:
    """What came out of a trial."""
    return layout.tuning(plan.study.study, f"{search.cell}/trial{number}")


def request(plan: Plan, search: Search, number: int, values: Values, history: list[Record]) -> Record:
    """A trial as it is asked for. Its digest names all that its result depends on; where it may be pruned, that is
    the earlier trials too. The first trial is the method's own setting, whatever its values are."""
    spec, reason = search.run_spec({} if number == 0 else values, search.training, plan.registry)
    depends = {
        "spec": spec,
        "seeds": search.tuning.seeds,
        **{key: search.spec[key] for key in ("engine", "extractors", "objectives", "pruning")},
        "against": [_identity(record) for record in history] if search.tuning.pruning else [],
    }
    return {"number": number, "values": values, "spec": spec, "reason": reason, "digest": specs.digest(depends)}


def asked(plan: Plan, search: Search, number: int) -> Record:
    """A trial as it was asked for. Raises MissingTrialError."""
    path = generation_file(plan, search, search.generation_of(number))
    content = files.read_json(path) or {}
    found = next((trial for trial in content.get("trials", []) if trial["number"] == number), None)
    if found is None:
        raise MissingTrialError(f"{path}: does not ask for trial {number}; `snakemake` makes it")
    return dict(found)


def finished(plan: Plan, search: Search, number: int) -> Record:
    """What came out of a trial. Raises MissingTrialError."""
    path = trial_file(plan, search, number)
    record = files.read_json(path)
    if record is None or record.get("status") not in FINISHED:
        raise MissingTrialError(f"{path}: not the record of a trial; `snakemake` makes it")
    return record


def before(plan: Plan, search: Search, generation: int) -> list[Record]:
    """The trials of all earlier generations. Raises MissingTrialError."""
    return [finished(plan, search, n) for g in range(generation) for n in search.tuning.numbers(g)]


def everything(plan: Plan, search: Search) -> list[Record]:
    """All trials of a search. Raises MissingTrialError."""
    return [finished(plan, search, number) for number in range(search.tuning.trials)]


def is_finished(plan: Plan, search: Search, number: int) -> bool:
    """Whether a trial's record is there, and is of what was asked for."""
    try:
        return bool(finished(plan, search, number)["digest"] == asked(plan, search, number)["digest"])
    except MissingTrialError:
        return False


def finish(plan: Plan, step: Step) -> None:
    """Declare the trials of a step done, and forget the logs of earlier failures."""
    for number in step.numbers:
        trial_file(plan, step.search, number).with_suffix(".log").unlink(missing_ok=True)
    files.write_json(plan.output_of_tuning(step), {"digest": step.digest, "trials": list(step.numbers)})


def is_true(plan: Plan, step: Step) -> bool:
    """Whether the output of a step is there and speaks of this search, and what it speaks of is there."""
    content = files.read_json(plan.output_of_tuning(step))
    if content is None or content.get("digest") != step.digest:
        return False
    if step.kind == "trials":
        return all(is_finished(plan, step.search, number) for number in step.numbers)
    if step.search.tuning.backend == "storage":  # no step of it knows which trial is whose
        return all(trial_file(plan, step.search, number).is_file() for number in range(step.search.tuning.trials))
    return True


def values_of(search: Search, record: Record) -> list[float] | None:
    """A trial's objectives, in their order; None for a trial that failed or was pruned."""
    found = [record["objectives"][measure.name] for measure in search.objectives]
    return None if record["status"] != "ok" or None in found else found


def _identity(record: Record) -> Record:
    """A trial without what it cost, which differs from machine to machine."""
    return {key: value for key, value in record.items() if key != "cost"}
