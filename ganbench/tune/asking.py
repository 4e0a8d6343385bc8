"""Ask Optuna for the next generation of trials, in memory.

A generation depends on the earlier ones' results and on nothing else, so that a search is the same on any number of
cores, and after trials were deleted and made again. Samplers that learn from trials (`tpe`, `gp`) get a new seed for
each generation, and the earlier trials as finished. Samplers with a state of their own (a place in a sequence, a
covariance) are taken through all earlier generations again, which costs them nothing.
"""

import hashlib
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from ganbench import files, parameters
from ganbench.parameters import Parameter, Values
from ganbench.runs import Plan
from ganbench.searches import Search, Step
from ganbench.tune import records
from ganbench.tune.records import Record

REPLAYED = ("random", "qmc", "cmaes")

optuna.logging.set_verbosity(logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def ask(plan: Plan, step: Step) -> None:
    """Write the trials of a generation."""
    search = step.search
    history = records.before(plan, search, step.generation)
    wanted = proposals(search, step.generation, history)
    trials = [records.request(plan, search, number, values, history) for number, values in wanted.items()]
    files.write_json(plan.output_of_tuning(step), {"digest": step.digest, "trials": trials})


def proposals(search: Search, generation: int, history: Sequence[Record]) -> dict[int, Values]:
    """The values of a generation's trials by number; trial 0 has the method's own. `history`: all earlier trials."""
    tuning = search.tuning
    if tuning.sampler in REPLAYED:
        study = new_study(search, sampler(search, 0))
        for earlier in range(generation):
            made = [suggest(study, search, number) for number in tuning.numbers(earlier)]
            for trial, record in zip(made, history[tuning.numbers(earlier)[0] :], strict=False):
                _tell(study, search, trial, record, history)
    else:
        study = new_study(search, sampler(search, generation))
        known = (as_trial(search, record, history) for record in history)
        study.add_trials([trial for trial in known if trial is not None])
    numbers = tuning.numbers(generation)
    return {number: values(search, suggest(study, search, number), number) for number in numbers}


def new_study(search: Search, chosen: BaseSampler) -> optuna.Study:
    """An empty study of a search in memory."""
    return optuna.create_study(study_name="ganbench", directions=search.directions, sampler=chosen)


def sampler(search: Search, stream: int) -> BaseSampler:
    """A search's sampler. `stream` numbers independent ones: of a generation, or of a worker."""
    digest = hashlib.sha256(f"{search.tuning.seeds[0]} sampler {stream}".encode()).digest()
    seed = int.from_bytes(digest[:4], "big") >> 1
    match search.tuning.sampler:
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=search.tuning.startup)
        case "gp":
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=search.tuning.startup)
        case "cmaes":
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
        case "qmc":
            return optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)


def suggest(study: optuna.Study, search: Search, number: int) -> Trial:
    """The study's next trial, with a value for every parameter that applies; trial 0 has the method's own as far as the
    spaces hold them."""
    if number == 0:
        study.enqueue_trial(own_options(search))
    trial = study.ask()
    fill(trial, search)
    return trial


def own_options(search: Search) -> dict[str, Any]:
    """The method's own values as far as the spaces hold them, as Optuna keeps them."""
    return {p.path: parameters.as_option(search.own[p.path]) for p in search.parameters if _holds(p, search.own)}


def fill(trial: Trial, search: Search) -> None:
    """Give a trial a value for every parameter that applies."""
    chosen: Values = {}
    for parameter in search.parameters:
        if parameter.applies(chosen):
            option = trial._suggest(parameter.path, distribution(parameter))
            chosen[parameter.path] = _value(parameter, option)


def values(search: Search, trial: Trial, number: int) -> Values:
    """A trial's values by path; for trial 0 the method's own, whatever the spaces hold."""
    if number == 0:
        return search.own
    return {p.path: _value(p, trial.params[p.path]) for p in search.parameters if p.path in trial.params}


def distribution(parameter: Parameter) -> BaseDistribution:
    """A parameter's space as Optuna knows it."""
    shape, *rest = parameter.space
    if shape == "choice":
        return CategoricalDistribution([parameters.as_option(value) for value in rest])
    low, high = rest
    return IntDistribution(low, high) if shape == "int" else FloatDistribution(low, high, log=shape == "log")


def as_trial(search: Search, record: Record, history: Sequence[Record]) -> FrozenTrial | None:
    """A finished trial as Optuna's; None for one that teaches nothing: values outside the spaces, or a failure before
    any success."""
    held = {p.path: p for p in search.parameters if p.path in record["values"]}
    if record["number"] == 0 and not own_is_inside(search):
        return None
    found = records.values_of(search, record)
    state = TrialState.PRUNED if record["status"] == "pruned" else TrialState.COMPLETE
    told = None if state == TrialState.PRUNED else found or worst(search, history)
    if told is None and state == TrialState.COMPLETE:
        return None
    return create_trial(
        state=state,
        values=told,
        params={path: parameters.as_option(record["values"][path]) for path in held},
        distributions={path: distribution(parameter) for path, parameter in held.items()},
        intermediate_values={int(place): value for place, value in record["reported"].items()},
        system_attrs=dict(record["rungs"]),
    )


def own_is_inside(search: Search) -> bool:
    """Whether the spaces hold the method's own values, all that apply."""
    applying = [p for p in search.parameters if p.applies(search.own)]
    return all(_holds(parameter, search.own) for parameter in applying)


def worst(search: Search, history: Sequence[Record]) -> list[float] | None:
    """What a failed trial counts as: the worst of each objective so far; None if nothing has finished."""
    finished = [found for record in history if (found := records.values_of(search, record)) is not None]
    if not finished:
        return None
    ends = [min if direction == "maximize" else max for direction in search.directions]
    return [end(column) for end, column in zip(ends, zip(*finished, strict=True), strict=True)]


def _tell(study: optuna.Study, search: Search, trial: Trial, record: Record, history: Sequence[Record]) -> None:
    found = records.values_of(search, record) or worst(search, history)
    if record["number"] == 0 and not own_is_inside(search):
        study.tell(trial, state=TrialState.FAIL)
    elif record["status"] == "pruned":
        for place, value in record["reported"].items():
            trial.report(value, int(place))
        study.tell(trial, state=TrialState.PRUNED)
    elif found is None:
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, found)


def _holds(parameter: Parameter, held: Values) -> bool:
    return parameter.path in held and parameters.contains(parameter.space, held[parameter.path])


def _value(parameter: Parameter, option: Any) -> Any:
    return parameters.from_option(parameter.space, option) if parameter.space[0] == "choice" else option
