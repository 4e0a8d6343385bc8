"""Searches: how each method of each cell is tuned, and in which steps.

The steps of a search are a static chain, so that a workflow can plan it: ask for a generation of trials, carry them
out, ask for the next with their results, choose the best.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from ganbench import measures, pairing, parameters, plugins, spaces, specs, study, tunable
from ganbench.measures import Measure
from ganbench.packs import grouping
from ganbench.parameters import Parameter, Recipe, Values
from ganbench.plugins import Registry
from ganbench.problems import Problem
from ganbench.protocol import Dataset
from ganbench.sections import Training
from ganbench.specs import Spec, digest
from ganbench.study import Entry, Study
from ganbench.tuning import Tuning

OF_PAIRS = ("architecture", "augment")
"""What may keep a method and an architecture from meeting, besides the names of plugins."""

USUAL_TRIALS = 4
"""Trials of a job where the study does not say and they are trained one after the other."""

Direction = Literal["minimize", "maximize"]
Kind = Literal["ask", "trials", "open", "work", "best"]


@dataclass(frozen=True)
class Search:
    """The tuning of one method in one cell. `training` is the budget of each training of a trial. `pack`: how many
    slots the packs have in which trials, and then the runs with the best setting, are trained; None if any setting that
    may be tried cannot be packed, so that all trials of a search are trained in one way."""

    dataset: Dataset
    architecture: Entry
    method: Entry
    tuning: Tuning
    training: Training
    recipe: Recipe
    parameters: tuple[Parameter, ...]
    objectives: tuple[Measure, ...]
    pack: int | None
    spec: Spec

    @property
    def cell(self) -> str:
        """dataset/architecture/method; also its folder."""
        return f"{self.dataset.label}/{self.architecture.label}/{self.method.label}"

    @cached_property
    def digest(self) -> str:
        """Changes when anything does that the best setting depends on."""
        return digest(self.spec)

    @property
    def directions(self) -> list[Direction]:
        """Of each objective, `minimize` or `maximize`."""
        return ["maximize" if m.trait("direction") == "higher" else "minimize" for m in self.objectives]

    @cached_property
    def own(self) -> Values:
        """The method's own values of the parameters, as far as it has them."""
        return parameters.own(self.recipe, self.parameters)

    def generation_of(self, number: int) -> int:
        """The generation of a trial."""
        return next(g for g in range(self.tuning.generations) if number in self.tuning.numbers(g))

    def run_spec(self, values: Values, training: Training, registry: Registry) -> tuple[Spec | None, str | None]:
        """The spec of a training with these values, but for the seed; or why there is none."""
        composed = parameters.laid(self.recipe, values)
        reason = tunable.invalid(composed, registry)
        if reason:
            return None, reason
        recipe = pairing.method_spec(composed, registry)
        pair = pairing.meet(self.dataset.kind, self.architecture, recipe, registry, self.dataset.form)
        if pair.reason:
            return None, pair.reason
        asked = self.dataset.condition.spec if self.dataset.condition else None
        spec = specs.of_run(self.dataset.spec, pair.architecture, recipe, training, asked)
        return (spec if self.pack is None else {**spec, "pack": self.pack}), None

    @property
    def probes(self) -> Iterator[Values]:
        """Values that stand for all that may be tried: the method's own, and those of each space."""
        yield {}
        for parameter in self.parameters:
            for probe in spaces.probes(parameter.space):
                yield {**parameter.when, parameter.path: probe}


@dataclass(frozen=True)
class Step:
    """A step of a search: `ask` for a generation, carry out some of its `trials`, `open` a storage, `work` with it as
    the worker `number`, choose the `best`. `numbers` are of trials; `needs` are the ids of steps."""

    id: str
    kind: Kind
    search: Search
    generation: int = 0
    number: int = 0
    numbers: tuple[int, ...] = ()
    needs: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Changes when its output must be made anew, besides what its inputs say."""
        return digest([self.search.digest, self.kind, self.generation, self.number, self.numbers])

    @property
    def trains(self) -> bool:
        """Whether it trains, which a GPU is for."""
        return self.kind in ("trials", "work")


def steps(search: Search) -> list[Step]:
    """The steps of a search, in an order in which they can be done."""
    tuning, cell = search.tuning, search.cell
    done: tuple[str, ...] = ()
    found: list[Step] = []
    if tuning.backend == "storage":
        found.append(Step(f"{cell}/storage", "open", search))
        workers = [Step(f"{cell}/worker{k}", "work", search, number=k, needs=(found[0].id,)) for k in _workers(tuning)]
        found, done = [*found, *workers], tuple(step.id for step in workers)
    else:
        for generation in range(tuning.generations):
            asking = Step(f"{cell}/generation{generation}", "ask", search, generation, needs=done)
            numbers = tuning.numbers(generation)
            trials = [
                Step(f"{asking.id}/{j}", "trials", search, generation, j, share, (asking.id,))
                for j, share in enumerate(_shares(numbers, tuning.trials_per_job or search.pack or USUAL_TRIALS))
            ]
            found += [asking, *trials]
            done = tuple(step.id for step in trials)
    return [*found, Step(f"{cell}/best", "best", search, needs=done)]


def _shares(numbers: list[int], most: int) -> list[tuple[int, ...]]:
    """The trials of each job, no more than `most`: all jobs have the same number of them, or some one less."""
    count = math.ceil(len(numbers) / most)
    bounds = [math.ceil(len(numbers) * i / count) for i in range(count + 1)]
    return [tuple(numbers[start:end]) for start, end in itertools.pairwise(bounds)]


def _workers(tuning: Tuning) -> Iterable[int]:
    return range(min(tuning.workers, tuning.trials))


@dataclass(frozen=True)
class Scope:
    """What the searches of a study share: by dataset the tuning there and the objectives, by method and kind of data
    the parameters; and the device."""

    tunings: dict[str, Tuning]
    objectives: dict[str, tuple[Measure, ...]]
    parameters: dict[tuple[str, str], tuple[Parameter, ...]]
    device: str


def scope(wanted: Study, datasets: dict[str, Dataset], registry: Registry) -> tuple[Scope, list[Problem]]:
    """What the searches of a study share, and what is wrong with its tuning."""
    found = Scope({}, {}, {}, wanted.device)
    problems: list[Problem] = []
    if wanted.tuning is None:
        return found, []
    for index, of in enumerate(wanted.datasets):
        tuning = wanted.tuning_on(of) or wanted.tuning
        where = f"datasets[{index}].tuning" if of.tuning.objective else "tuning"
        found.tunings[of.label] = tuning
        found.objectives[of.label], wrong = _objectives(tuning, datasets[of.label], registry, where)
        problems += wrong
    kinds = list(dict.fromkeys(dataset.kind for dataset in datasets.values()))
    useless: list[dict[str, str]] = []
    for index, entry in enumerate(wanted.methods):
        for kind in kinds:
            chosen, wrong, unfit = tunable.tunable(entry, f"methods[{index}]", kind, wanted.tuning, registry)
            found.parameters[entry.label, kind] = chosen
            problems += wrong
            useless.append(unfit)
    for path in set.intersection(*map(set, useless)):
        problems.append(Problem(f"tuning.space.{path}", f"fits no method: {useless[0][path]}"))
    return found, list(dict.fromkeys(problems))


def of_cell(
    shared: Scope, dataset: Dataset, architecture: Entry, method: Entry, training: Training, registry: Registry
) -> tuple[Search, list[Problem]]:
    """The search of one method in one cell whose runs have this budget, and what is wrong with it."""
    tuning = shared.tunings[dataset.label]
    steps = {"generator_steps": tuning.generator_steps, "discriminator_steps": tuning.discriminator_steps}
    changes = {**(steps if any(steps.values()) else {}), "snapshots": tuning.evaluations}
    objectives = shared.objectives[dataset.label]
    recipe = study.composed_method(method, dataset.kind, registry)
    found = Search(
        dataset=dataset,
        architecture=architecture,
        method=method,
        tuning=tuning,
        training=training.model_copy(update=changes),
        recipe=recipe,
        parameters=shared.parameters[method.label, dataset.kind],
        objectives=objectives,
        pack=None,
        spec={},
    )
    found = replace(found, pack=_pack(found, shared.device, registry))
    own, _ = found.run_spec({}, found.training, registry)
    used = {measure.extractor for measure in objectives}
    spec = {
        "runs": own,
        "network": specs.with_settings(registry.card("architecture", architecture.name), architecture.settings),
        "engine": specs.EVALUATION_ENGINE,
        "extractors": {label: of.key for label, of in dataset.extractors.items() if label in used},
        "objectives": [measure.spec for measure in objectives],
        "parameters": [parameter.spec for parameter in found.parameters],
        "discriminator_steps": found.training.discriminator_steps,
        **tuning.model_dump(mode="json", include={"trials", "generations", "seeds", "sampler", "startup", "pruning"}),
        "backend": tuning.backend,
    }
    problems = []
    for parameter in found.parameters:
        matters = parameters.is_name(parameter.path) or parameter.path.startswith(OF_PAIRS)
        for probe in spaces.probes(parameter.space) if matters else ():
            _, reason = found.run_spec({**parameter.when, parameter.path: probe}, found.training, registry)
            if reason:
                what = f"{method.label} with {architecture.label}: {parameter.path} {probe!r}"
                problems.append(Problem("tuning.space", f"{what}: {reason}"))
                break
    return replace(found, spec=spec), problems


def _pack(search: Search, device: str, registry: Registry) -> int | None:
    """How many slots the packs of a search have; None if a setting that it may try is trained alone."""
    width = None
    for values in search.probes:
        spec, _ = search.run_spec(values, search.training, registry)
        if spec is not None:
            width, _ = grouping.width(spec, search.dataset.kind, search.training.engine, device, registry)
            if width is None:
                break
    return width


def _objectives(
    tuning: Tuning, dataset: Dataset, registry: Registry, where: str
) -> tuple[tuple[Measure, ...], list[Problem]]:
    """The metrics that a dataset's trials are judged by, on the validation split."""
    chosen: dict[str, Measure] = {}
    problems: list[Problem] = []
    for name in tuning.objectives or (dataset.headline.name,):
        try:
            asked = measures.parse(name, registry)
        except measures.MeasureError as error:
            problems.append(Problem(f"{where}.objective", str(error)))
            continue
        of = next((m for m in dataset.measures.values() if _is(m, asked, dataset)), None)
        if of is None:
            message = plugins.unknown(f"'{dataset.label}' is not measured by", name, dataset.measures)
            problems.append(Problem(f"{where}.objective", message))
            continue
        named = asked.get("samples") if tuning.objectives else None
        count = named or tuning.samples or dataset.evaluation.snapshot_samples
        measure = Measure(of.card, of.settings, count, of.extractor, "validation")
        if measure.trait("direction") == "none":
            problems.append(Problem(f"{where}.objective", f"{name}: of this metric neither more nor less is better"))
        elif count < measure.trait("minimum"):
            message = f"{of.card.name} needs {measure.trait('minimum')} samples; trials have {count}"
            problems.append(Problem(f"{where}.samples", message))
        elif measure.name in chosen:
            problems.append(Problem(f"{where}.objective", f"{name} is given twice"))
        chosen[measure.name] = measure
    if len(chosen) > 1 and tuning.sampler == "cmaes":
        problems.append(Problem("tuning.sampler", "CMA-ES has one objective; there are several"))
    if len(chosen) > 1 and tuning.pruning:
        problems.append(Problem("tuning.pruning", "a trial is pruned by one objective; there are several"))
    return tuple(chosen.values()), problems


def _is(measure: Measure, asked: dict[str, Any], dataset: Dataset) -> bool:
    """Whether a metric of a dataset is the one that is asked for, on whatever number of samples."""
    extractor = asked.get("extractor")
    return (
        measure.card.name == asked["name"]
        and (extractor is None or measure.extractor in (extractor, f"{dataset.card.name}-{extractor}"))
        and all(measure.settings.get(key) == value for key, value in asked.get("settings", {}).items())
    )
