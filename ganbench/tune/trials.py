"""Carry out trials: train with some settings on the tuning's seeds, and judge by the validation split."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from ganbench import data, files, jobs, layout, optimizers, processor, reference, training
from ganbench.generate import NotFiniteError, generate
from ganbench.packs import grouping, stages
from ganbench.progress import Progress
from ganbench.reference import Instruments
from ganbench.runs import Plan
from ganbench.searches import Search, Step
from ganbench.session import Session, Side
from ganbench.specs import Spec
from ganbench.streams import stream
from ganbench.tune import pruning, records
from ganbench.tune.pruning import Referee
from ganbench.tune.records import Record


class EndedError(Exception):
    """A training is not worth going on with."""


class UndefinedError(Exception):
    """An objective has no value for these samples."""


@dataclass
class Trial:
    """A trial under way: what was asked for, who says whether it is hopeless, and what came out so far."""

    asked: Record
    referee: Referee
    status: str = "ok"
    reason: str | None = None
    seeds: list[Record] = field(default_factory=list)

    @property
    def spec(self) -> Spec:
        """Of its trainings, but for the seed; empty if its settings make no sense together."""
        return self.asked["spec"] or {}

    @property
    def steps(self) -> int:
        """Steps that were trained on all seeds."""
        return sum(seed["steps"] for seed in self.seeds)


@dataclass
class Attempt:
    """The training of a trial on the seed at some place among the tuning's, which counts if none of those `before` it
    fails."""

    trial: Trial
    place: int
    spec: Spec
    before: Sequence["Attempt"]
    status: str = "ok"
    reason: str | None = None
    step: int = 0
    curve: list[Record] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether the trial is not ended by an earlier seed."""
        return all(attempt.status == "ok" for attempt in self.before)

    @property
    def evaluations(self) -> list[int]:
        """The steps after which it is measured."""
        return [*self.spec["training"]["snapshots"], self.spec["training"]["generator_steps"]]

    def end(self, status: str, reason: str | None) -> None:
        """It goes no further."""
        self.status, self.reason = status, reason

    @property
    def record(self) -> Record:
        """What came out."""
        planned = self.spec["training"]["generator_steps"]
        ended = {"status": self.status, "reason": self.reason, "steps": self.step}
        return {"seed": self.spec["seed"], "planned_steps": planned, **ended, "curve": self.curve}


def carry_out(plan: Plan, step: Step, device: torch.device) -> bool:
    """The trials of a step that are not finished, those of one shape together; False if one raised."""
    search = step.search
    bench = Bench(plan, search, device)
    earlier = records.before(plan, search, step.generation) if search.tuning.pruning else []
    left = [number for number in step.numbers if not records.is_finished(plan, search, number)]
    trials = [Trial(records.asked(plan, search, n), pruning.referee(search, n, earlier)) for n in left]
    failed = False
    for together in grouping.packs(trials, plan.registry, len(trials)):

        def work(together: list[Trial] = together) -> None:
            for record in bench.try_out(together):
                files.write_json(records.trial_file(plan, search, record["number"]), record)

        numbers = [trial.asked["number"] for trial in together]
        logs = {f"{search.cell}/trial{n}": records.trial_file(plan, search, n).with_suffix(".log") for n in numbers}
        failed |= not jobs.attempt(logs, work)
    if not failed:
        records.finish(plan, step)
    return not failed


class Bench:
    """All that the trials of one search share, loaded once."""

    def __init__(self, plan: Plan, search: Search, device: torch.device) -> None:
        self.plan, self.search, self.device = plan, search, device
        self.samples = data.read(search.dataset, "train").samples.to(device)
        self.instruments: Instruments = reference.read(plan, search.dataset, device)
        conditions = self.instruments.given.get("train")
        self.given = conditions.to(device) if conditions else None
        if search.pack is None:
            optimizers.warm_up()
        else:
            processor.keep_memory()

    def try_out(self, trials: Sequence[Trial]) -> list[Record]:
        """Train the settings of trials of one shape on each seed, until one diverges or its referee ends it, and say
        what came out.

        All seeds are trained at once, unless the trial may be pruned: then a seed waits for what comes of the earlier
        ones. The records are the same.
        """
        start, cpu_start = time.perf_counter(), time.process_time()
        for trial in trials:
            if trial.asked["spec"] is None:  # settings that make no sense together, such as another loss's penalty
                trial.status, trial.reason = "diverged", trial.asked["reason"]
        places = range(len(self.search.tuning.seeds))
        for at_once in [[place] for place in places] if self.search.tuning.pruning else [list(places)]:
            attempts = [a for trial in trials if trial.status == "ok" for a in self._attempts(trial, at_once)]
            for together in grouping.packs(attempts, self.plan.registry, len(attempts)):
                self._train([attempt for attempt in together if attempt.counts])
            for attempt in attempts:
                if attempt.trial.status == "ok":
                    self._close(attempt)
        cost = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu_start}
        steps = sum(trial.steps for trial in trials) or 1
        shares = [trial.steps / steps for trial in trials]
        return [self._record(t, {key: s * of for key, of in cost.items()}) for t, s in zip(trials, shares, strict=True)]

    def _attempts(self, trial: Trial, places: Iterable[int]) -> list[Attempt]:
        """The trainings of a trial on some seeds."""
        made: list[Attempt] = []
        for place in places:
            spec = {**trial.spec, "seed": self.search.tuning.seeds[place]}
            made.append(Attempt(trial, place, spec, tuple(made)))
        return made

    def _train(self, attempts: Sequence[Attempt]) -> None:
        """Trainings in a pack, or one alone."""
        if not attempts:
            return
        first = attempts[0]
        others = f" and {len(attempts) - 1} more" if len(attempts) > 1 else ""
        name = f"{self.search.cell}/trial{first.trial.asked['number']}/seed{first.spec['seed']}{others}"
        steps, results = first.spec["training"]["generator_steps"], layout.results(self.plan.study.study)
        progress = Progress(name, steps, results, len(self.plan.runs))
        if self.search.pack is None:
            self._train_alone(first, progress)
            return

        def judge(number: int, session: Session[Side]) -> bool:
            return self._goes_on(attempts[number], session)

        specs = [attempt.spec for attempt in attempts]
        with processor.products(self.device):
            stages.train(self.plan, specs, self.samples, first.evaluations, judge, progress)

    def _train_alone(self, attempt: Attempt, progress: Progress) -> None:
        session = training.begin(self.plan, attempt.spec, self.samples, self.device, self.given)

        def judge() -> None:
            if session.course.step in attempt.evaluations and not self._goes_on(attempt, session):
                raise EndedError

        try:
            steps = training.steps_of(self.plan, attempt.spec, self.samples, self.given)
            training.fit(self.plan, attempt.spec, session, progress, judge, recorder=steps.recorder)
        except EndedError:
            return
        if session.course.diverged_at is not None:
            self._goes_on(attempt, session)

    def _goes_on(self, attempt: Attempt, session: Session[Side]) -> bool:
        """Measure a training at an evaluation, or where it diverged: whether it is worth going on with."""
        course, trial = session.course, attempt.trial
        if not attempt.counts:
            return False
        attempt.step = course.diverged_at or course.step
        try:
            if course.diverged_at is not None:
                attempt.end("diverged", course.reason)
            else:
                attempt.curve.append({"step": course.step, "metrics": self._measured(session, attempt.spec)})
                evaluation = attempt.place * self.search.tuning.evaluations + len(attempt.curve)
                if trial.referee.at_evaluation(evaluation, self._objective(attempt.curve[-1])):
                    attempt.end("pruned", f"hopeless at evaluation {evaluation}")
        except (NotFiniteError, UndefinedError) as error:
            attempt.end("diverged", str(error))
        return attempt.status == "ok"

    def _close(self, attempt: Attempt) -> None:
        """Take down what came out of a training, and what that means for its trial."""
        trial = attempt.trial
        trial.seeds.append(attempt.record)
        trial.status, trial.reason = attempt.status, attempt.reason
        done = attempt.place + 1
        if trial.status == "ok" and trial.referee.at_seed(done, self._objective(attempt.curve[-1])):
            trial.status, trial.reason = "pruned", f"worse than the best trial on {done} seeds"

    def _record(self, trial: Trial, cost: Record) -> Record:
        """A trial that is over. `cost`: what it took, of trials that were trained together its share by steps."""
        names = [measure.name for measure in self.search.objectives]
        ends = [seed["curve"][-1]["metrics"] for seed in trial.seeds] if trial.status == "ok" else []
        return {
            "number": trial.asked["number"],
            "digest": trial.asked["digest"],
            "values": trial.asked["values"],
            "status": trial.status,
            "reason": trial.reason,
            "objectives": {name: sum(of[name] for of in ends) / len(ends) if ends else None for name in names},
            "seeds": trial.seeds,
            "reported": trial.referee.reported,
            "rungs": trial.referee.rungs,
            "cost": cost,
        }

    def _measured(self, session: Session[Side], spec: Spec) -> dict[str, float | None]:
        """The objectives of a generator as it is, against the validation split. Raises NotFiniteError, and
        UndefinedError if one is not defined."""
        measures = self.search.objectives
        count = max(measure.samples for measure in measures)
        noise = stream(spec["seed"], "over training", self.device)
        conditions = self.instruments.given.get("validation")
        asked = conditions.first(count) if conditions else None
        values = asked.values if asked else None
        samples = generate(session.generator.network, count, session.architecture.noise_dim, noise, values)
        metrics = self.instruments.measure(self.instruments.see(samples, measures, asked), measures)
        if None in metrics.values():
            raise UndefinedError("the objective is not defined")
        return metrics

    def _objective(self, point: Record) -> float:
        """The first objective at a point of a curve."""
        return float(point["metrics"][self.search.objectives[0].name])
