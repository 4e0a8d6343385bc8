"""Carry out trials: train with some settings on the tuning's seeds, and judge by the validation split."""

import time

import torch

from ganbench import data, files, jobs, layout, optimizers, reference, training
from ganbench.generate import NotFiniteError, generate
from ganbench.progress import Progress
from ganbench.reference import Instruments
from ganbench.runs import Plan
from ganbench.searches import Search, Step
from ganbench.session import Session
from ganbench.specs import Spec
from ganbench.streams import stream
from ganbench.train import Player
from ganbench.tune import pruning, records
from ganbench.tune.pruning import Referee
from ganbench.tune.records import Record


class HopelessError(Exception):
    """A trial is not worth going on with."""


class UndefinedError(Exception):
    """An objective has no value for these samples."""


def carry_out(plan: Plan, step: Step, device: torch.device) -> bool:
    """The trials of a step that are not finished; False if one raised."""
    search = step.search
    bench = Bench(plan, search, device)
    earlier = records.before(plan, search, step.generation) if search.tuning.pruning else []
    failed = False
    for number in step.numbers:
        if records.is_finished(plan, search, number):
            continue

        def work(number: int = number) -> None:
            asked = records.asked(plan, search, number)
            record = bench.try_out(asked, pruning.referee(search, number, earlier))
            files.write_json(records.trial_file(plan, search, number), record)

        log = records.trial_file(plan, search, number).with_suffix(".log")
        failed |= not jobs.attempt(f"{search.cell}/trial{number}", log, work)
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
        optimizers.warm_up()

    def try_out(self, asked: Record, referee: Referee) -> Record:
        """Train a trial's settings on each seed, until one diverges or the referee ends it, and say what came out."""
        start, cpu_start = time.perf_counter(), time.process_time()
        seeds: list[Record] = []
        status, reason = "ok", None
        if asked["spec"] is None:  # settings that make no sense together, such as another loss's penalty
            status, reason = "diverged", asked["reason"]
        for place, seed in enumerate(self.search.tuning.seeds if status == "ok" else ()):
            found = self._train(asked, {**asked["spec"], "seed": seed}, place, referee)
            seeds.append(found)
            status, reason = found["status"], found["reason"]
            if status == "ok" and referee.at_seed(place + 1, self._objective(found["curve"][-1])):
                status, reason = "pruned", f"worse than the best trial on {place + 1} seeds"
            if status != "ok":
                break
        names = [measure.name for measure in self.search.objectives]
        return {
            "number": asked["number"],
            "digest": asked["digest"],
            "values": asked["values"],
            "status": status,
            "reason": reason,
            "objectives": {
                name: sum(_end(of)[name] for of in seeds) / len(seeds) if status == "ok" else None for name in names
            },
            "seeds": seeds,
            "reported": referee.reported,
            "rungs": referee.rungs,
            "cost": {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu_start},
        }

    def _train(self, asked: Record, spec: Spec, place: int, referee: Referee) -> Record:
        """One training of a trial, with its curve of the objectives."""
        steps = spec["training"]["generator_steps"]
        rungs = {*spec["training"]["snapshots"], steps}
        name = f"{self.search.cell}/trial{asked['number']}/seed{spec['seed']}"
        progress = Progress(name, steps, layout.results(self.plan.study.study), len(self.plan.runs))
        session = training.begin(self.plan, spec, self.samples, self.device, self.given)
        course, curve = session.course, list[Record]()

        def judge() -> None:
            if course.step in rungs and course.diverged_at is None:
                curve.append({"step": course.step, "metrics": self._measured(session, spec)})
                evaluation = place * self.search.tuning.evaluations + len(curve)
                if referee.at_evaluation(evaluation, self._objective(curve[-1])):
                    raise HopelessError(f"hopeless at evaluation {evaluation}")

        status, reason = "ok", None
        try:
            training.fit(self.plan, spec, session, progress, judge)
        except HopelessError as error:
            status, reason = "pruned", str(error)
        except (NotFiniteError, UndefinedError) as error:
            status, reason = "diverged", str(error)
        if course.diverged_at is not None:
            status, reason = "diverged", course.reason
        ended = {"status": status, "reason": reason, "steps": course.diverged_at or course.step}
        return {"seed": spec["seed"], "planned_steps": steps, **ended, "curve": curve}

    def _measured(self, session: Session[Player], spec: Spec) -> dict[str, float | None]:
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


def _end(of: Record) -> dict[str, float]:
    """The objectives at the end of a finished training."""
    return dict(of["curve"][-1]["metrics"])
