"""Carry out trials: train with some settings on the tuning's seeds, and judge by the validation split."""

import time
from typing import Any

import torch

from ganbench import data, files, jobs, layout, optimizers, reference, training
from ganbench.generate import NotFiniteError, generate
from ganbench.progress import Progress
from ganbench.reference import Instruments
from ganbench.runs import Plan
from ganbench.searches import Search, Step
from ganbench.specs import Spec
from ganbench.streams import stream
from ganbench.train import Player
from ganbench.tune import pruning, records
from ganbench.tune.pruning import Referee
from ganbench.tune.records import Record

Built = tuple[Any, Player, Player]


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
        finish(plan, step)
    return not failed


def finish(plan: Plan, step: Step) -> None:
    """Declare the trials of a step done."""
    files.write_json(plan.output_of_tuning(step), {"digest": step.digest, "trials": list(step.numbers)})


class Bench:
    """All that the trials of one search share, loaded once."""

    def __init__(self, plan: Plan, search: Search, device: torch.device) -> None:
        self.plan, self.search, self.device = plan, search, device
        self.samples = data.read(search.dataset, "train").samples.to(device)
        self.instruments: Instruments = reference.read(plan, search.dataset, device)
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
            if status == "ok" and referee.at_seed(place + 1, _end(found)[self._first]):
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

    @property
    def _first(self) -> str:
        return self.search.objectives[0].name

    def _train(self, asked: Record, spec: Spec, place: int, referee: Referee) -> Record:
        """One training of a trial, with its curve of the objectives."""
        steps = spec["training"]["generator_steps"]
        name = f"{self.search.cell}/trial{asked['number']}/seed{spec['seed']}"
        progress = Progress(name, steps, layout.results(self.plan.study.study), len(self.plan.runs))
        built = training.build(self.plan, spec, tuple(self.samples.shape[1:]), self.device)
        curve: list[Record] = []
        end: dict[str, Any] = {"status": "ok", "reason": None, "steps": steps}

        def enough(step: int) -> bool:
            status, reason = self._judged(built, spec, step, place, curve, referee)
            if status != "ok":
                end.update(status=status, reason=reason, steps=step)
            return status != "ok"

        outcome = training.fit(self.plan, spec, built, self.samples, self.device, progress, enough)
        if outcome.diverged_at is not None:
            end.update(status="diverged", reason=outcome.reason, steps=outcome.diverged_at)
        elif end["status"] == "ok":
            enough(steps)
        return {"seed": spec["seed"], "planned_steps": steps, **end, "curve": curve}

    def _judged(
        self, built: Built, spec: Spec, step: int, place: int, curve: list[Record], referee: Referee
    ) -> tuple[str, str | None]:
        """Measure a trial after a step, and say whether it may go on."""
        try:
            metrics = self._measured(built, spec)
        except NotFiniteError as error:
            return "diverged", str(error)
        curve.append({"step": step, "metrics": metrics})
        if None in metrics.values():
            return "diverged", "the objective is not defined"
        evaluation = place * self.search.tuning.evaluations + len(curve)
        value = metrics[self._first]
        if value is not None and referee.at_evaluation(evaluation, value):
            return "pruned", f"hopeless at evaluation {evaluation}"
        return "ok", None

    def _measured(self, built: Built, spec: Spec) -> dict[str, float | None]:
        """The objectives of a generator as it is, against the validation split."""
        architecture, generator, _ = built
        measures = self.search.objectives
        count = max(measure.samples for measure in measures)
        noise = stream(spec["seed"], "over training", self.device)
        samples = generate(generator.network, count, architecture.noise_dim, noise)
        return self.instruments.measure(self.instruments.see(samples, measures), measures)


def _end(of: Record) -> dict[str, float]:
    """The objectives at the end of a finished training."""
    return dict(of["curve"][-1]["metrics"])
