"""What the page says of tuning: what each method gained, what a budget buys, which settings matter."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from ganbench.parameters import Parameter
from ganbench.report import landscapes
from ganbench.report.collect import Pair, Results, Tuned
from ganbench.report.drawing import Drawing
from ganbench.report.numerals import listed
from ganbench.report.standing import Standing
from ganbench.stats import budgets
from ganbench.stats.budgets import Budget
from ganbench.stats.intervals import scale_of
from ganbench.tune import asking

Drawn = Callable[[Drawing | None], dict[str, Any] | None]
FEWEST_FOR_IMPORTANCE = 8


@dataclass(frozen=True)
class Gain:
    """What the search of one method found."""

    method: str
    own: float
    best: float
    number: int
    finished: int
    pruned: int
    diverged: int
    steps: int
    planned: int

    @property
    def saved(self) -> str:
        """The share of the planned steps that failed and pruned trials did not take."""
        return f"{100 * (1 - self.steps / self.planned):.0f} %" if self.planned else "–"


@dataclass(frozen=True)
class Setting:
    """One parameter of a search: what was tried, and what was good."""

    path: str
    space: str
    own: str
    best: str
    near: str
    importance: str


def section(results: Results, standings: dict[str, Standing], drawn: Drawn) -> list[dict[str, Any]]:
    """A block per dataset and architecture whose methods were tuned."""
    blocks = []
    for pair in results.pairs:
        tuned = {of.search.method.label: of for of in results.tuned.values() if of.pair == pair}
        if not tuned:
            continue
        first = next(iter(tuned.values()))
        measure = first.search.objectives[0]
        title = f"{measure.trait('title')} ({measure.name})"
        curves, log = _budgets(tuned)
        blocks.append(
            {
                "name": ", ".join(pair),
                "fair": _fairness(first),
                "objective": title,
                "gains": [_gain(method, of) for method, of in tuned.items()],
                "ranking": _ranking(standings[results.headline(pair[0])], pair, list(tuned)),
                "headline": results.headline(pair[0]),
                "budgets": drawn(landscapes.budgets(pair, curves, measure.trait("title"), log)) if curves else None,
                "leaders": _leaders(curves, measure.trait("direction")),
                "methods": [_method(method, of, drawn) for method, of in tuned.items()],
            }
        )
    return blocks


def _fairness(of: Tuned) -> str:
    """What every method of a cell got, in one sentence."""
    search, tuning = of.search, of.search.tuning
    budget = search.training
    steps = f"{budget.generator_steps or budget.discriminator_steps:,}"
    kind = "generator" if budget.generator_steps else "discriminator"
    seeds = listed([str(seed) for seed in tuning.seeds])
    how = f"{tuning.sampler}, {tuning.generations} generations" if tuning.backend == "generations" else tuning.sampler
    return (
        f"Every method: {tuning.trials} trials, the first with its own setting, each trained for {steps} {kind} steps "
        f"on seed{'s' if len(tuning.seeds) > 1 else ''} {seeds}, judged on the validation split ({how})"
    )


def _gain(method: str, of: Tuned) -> Gain:
    states = [trial["status"] for trial in of.trials]
    seeds = [seed for trial in of.trials for seed in trial["seeds"]]
    each = [max((s["planned_steps"] for s in trial["seeds"]), default=0) for trial in of.trials]
    return Gain(
        method=method,
        own=of.firsts[0],
        best=of.firsts[of.winner],
        number=of.winner,
        finished=states.count("ok"),
        pruned=states.count("pruned"),
        diverged=states.count("diverged"),
        steps=sum(seed["steps"] for seed in seeds),
        planned=sum(each) * len(of.search.tuning.seeds),
    )


def _ranking(standing: Standing, pair: Pair, methods: list[str]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Per kind of settings, its methods from the best on: name, value, interval."""
    cells = standing.column(pair)
    sign = -1 if standing.direction == "higher" else 1
    found = []
    for kind, suffix in (("own", ""), ("shared", "-shared"), ("tuned", "-tuned")):
        of = {method: cells[f"{method}{suffix}"] for method in methods if f"{method}{suffix}" in cells}
        order = sorted(of, key=lambda method: (not np.isfinite(of[method].value), sign * of[method].value))
        if of:
            found.append((kind, [(method, of[method].text, of[method].span) for method in order]))
    return found


def _budgets(tuned: dict[str, Tuned]) -> tuple[dict[str, Budget], bool]:
    """The expected best of k trials of each method that has a finished trial."""
    values = {m: of.firsts for m, of in tuned.items() if np.isfinite(of.firsts).any() and len(of.trials) >= 4}
    if not values:
        return {}, False
    direction = next(iter(tuned.values())).search.objectives[0].trait("direction")
    scale = scale_of(np.concatenate([np.array(found) for found in values.values()]))
    scale = scale if direction == "lower" else "plain"
    return {method: budgets.budget(found, direction, scale) for method, found in values.items()}, scale == "log"


def _leaders(curves: dict[str, Budget], direction: str) -> str:
    """Who is expected to be best at which number of trials."""
    if len(curves) < 2:
        return ""
    sign = -1 if direction == "higher" else 1
    spans: list[tuple[str, int, int]] = []
    for place, k in enumerate(next(iter(curves.values())).k):
        best = min(curves, key=lambda method: sign * curves[method].best[place])
        if spans and spans[-1][0] == best:
            spans[-1] = (best, spans[-1][1], k)
        else:
            spans.append((best, k, k))
    texts = [f"{method} with {first}" + (f" to {last}" if last > first else "") for method, first, last in spans]
    return f"Expected to be best: {listed(texts)} trials."


def _method(method: str, of: Tuned, drawn: Drawn) -> dict[str, Any]:
    measures = of.search.objectives
    titles = [measure.trait("title") for measure in measures]
    weights = _importance(of)
    return {
        "method": method,
        "settings": [_setting(of, parameter, weights) for parameter in of.search.parameters],
        "outside": not asking.own_is_inside(of.search),
        "slices": drawn(landscapes.slices(of, titles[0])),
        "parallel": drawn(landscapes.parallel(of, titles[0])),
        "front": drawn(landscapes.front(of, titles)) if len(measures) > 1 else None,
        "pasted": of.pasted,
    }


def _setting(of: Tuned, parameter: Parameter, weights: dict[str, float]) -> Setting:
    path = parameter.path
    near = [of.trials[place]["values"][path] for place in of.best_quarter if path in of.trials[place]["values"]]
    chosen = of.trials[of.winner]["values"].get(path)
    if parameter.space[0] == "choice":
        around = " or ".join(dict.fromkeys(_value(value) for value in sorted(near, key=str)))
    else:
        around = f"{_value(min(near))} to {_value(max(near))}" if near else ""
    weight = weights.get(path)
    return Setting(
        path,
        parameter.described,
        _value(of.search.own.get(path)),
        _value(chosen),
        around or "–",
        "–" if weight is None else f"{100 * weight:.0f} %",
    )


def _value(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _importance(of: Tuned) -> dict[str, float]:
    """The share of each parameter in reaching the best quarter of trials, by PED-ANOVA (Watanabe et al. 2023); empty
    for too few trials."""
    study = asking.new_study(of.search, optuna.samplers.RandomSampler(seed=0))
    trials = [trial for record in of.trials if (trial := asking.as_trial(of.search, record, of.trials))]
    study.add_trials(trials)
    finished = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len(finished) < FEWEST_FOR_IMPORTANCE:
        return {}
    paths = [p.path for p in of.search.parameters if any(p.path in trial.params for trial in finished)]
    judge = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
    return dict(optuna.importance.get_param_importances(study, evaluator=judge, params=paths))
