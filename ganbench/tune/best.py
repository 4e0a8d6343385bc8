"""Choose the best trial, and tell those who train with it. Imports no torch."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml

from ganbench import files, method, parameters, specs
from ganbench.runs import Plan
from ganbench.searches import Search, Step
from ganbench.specs import Spec
from ganbench.tune import records
from ganbench.tune.records import Record
from ganbench.work import Run


class NotTunedError(Exception):
    """A tuned run whose search is not finished."""


def write(plan: Plan, step: Step) -> None:
    """Write the best trial of a search as a record and as a method for a study."""
    search = step.search
    trials = records.everything(plan, search)
    chosen = trials[winner(search, trials)]
    spec, _ = search.run_spec({} if chosen["number"] == 0 else chosen["values"], search.training, plan.registry)
    assert spec is not None, "a trial that was trained has a spec"
    path = plan.output_of_tuning(step)
    pasted = yaml.safe_dump([entry(search, chosen)], sort_keys=False, default_flow_style=None, width=110)
    files.write_text(path.with_suffix(".yaml"), f"# {_headline(search, chosen)}\n{pasted}")
    files.write_json(
        path,
        {
            "digest": step.digest,
            "search": search.digest,
            "number": chosen["number"],
            "values": chosen["values"],
            "status": chosen["status"],
            "objectives": chosen["objectives"],
            "front": front(search, trials),
            "method": spec["method"],
            "architecture": spec["architecture"],
        },
    )


def winner(search: Search, trials: Sequence[Record]) -> int:
    """The place of the best trial; of several objectives the one of the front whose ranks have the least sum. Of equals
    the earliest, and the method's own setting if no trial finished."""
    on_front = front(search, trials)
    if not on_front:
        return 0
    sums = {number: sum(_rank(search, trials, number, i) for i in range(len(search.objectives))) for number in on_front}
    return min(on_front, key=lambda number: (sums[number], number))


def front(search: Search, trials: Sequence[Record]) -> list[int]:
    """The trials that no other is better than: no worse in every objective, and better in one."""
    merits = {n: _merits(search, record) for n, record in enumerate(trials) if records.values_of(search, record)}
    return [n for n, of in merits.items() if not any(_dominates(other, of) for other in merits.values())]


def entry(search: Search, chosen: Record) -> dict[str, Any]:
    """The best setting as an entry of a study's methods: what the study said of the method, and what was found."""
    settings = search.method.settings
    own = method.compose([settings], search.dataset.kind)
    values = {} if chosen["number"] == 0 else chosen["values"]
    found = parameters.changed_parts(parameters.laid(search.recipe, values), values)
    if "optimizer" in found:
        own = {key: value for key, value in own.items() if key not in method.OPTIMIZERS}
    base = {"base": settings["base"]} if "base" in settings else {}
    return {"name": search.method.name, "label": f"{search.method.label}-tuned", **base, **own, **found}


def settled(plan: Plan, run: Run) -> Run:
    """A run with the settings that its search found in its spec; a run that waits for none as it is.

    Raises NotTunedError.
    """
    search = plan.searches.get(run.cell)
    if search is None:
        return run
    path = plan.best(search)
    found = files.read_json(path)
    if found is None or found.get("search") != search.digest:
        raise NotTunedError(f"{path}: not what this search found; `snakemake --configfile {plan.file}` makes it")
    asked = run.spec.get("condition")
    spec = specs.of_run(search.dataset.spec, found["architecture"], found["method"], plan.training(run), asked)
    planned: Spec = {key: run.spec[key] for key in ("pack", "seed") if key in run.spec}
    return replace(run, spec={**spec, **planned})


def named(plan: Plan, run: Run) -> dict[str, str]:
    """What the record of a tuned run names, besides its digest: the hash of the settings that it is trained with, empty
    while there are none. Nothing for another run."""
    search = plan.searches.get(run.cell)
    if search is None:
        return {}
    path = plan.best(search)
    return {"best_sha256": files.sha256(path) if path.is_file() else ""}


def _headline(search: Search, chosen: Record) -> str:
    """What a pasted method was, in one line."""
    tuning = search.tuning
    scores = ", ".join(f"{name} {value:.4g}" for name, value in chosen["objectives"].items() if value is not None)
    what = f"trial {chosen['number']} of {tuning.trials} on {search.dataset.label} with {search.architecture.label}"
    return f"{what}, seeds {', '.join(map(str, tuning.seeds))}: {scores or 'no trial finished; the own setting'}"


def _merits(search: Search, record: Record) -> list[float]:
    """The objectives of a finished trial, such that less is better."""
    found = records.values_of(search, record) or []
    signs = [-1 if direction == "maximize" else 1 for direction in search.directions]
    return [sign * value for sign, value in zip(signs, found, strict=True)]


def _dominates(first: Sequence[float], second: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(first, second, strict=True)) and list(first) != list(second)


def _rank(search: Search, trials: Sequence[Record], number: int, objective: int) -> int:
    """How many finished trials are better in one objective."""
    merits = [_merits(search, record)[objective] for record in trials if records.values_of(search, record)]
    return sum(merit < _merits(search, trials[number])[objective] for merit in merits)
