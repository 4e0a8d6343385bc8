"""What the jobs of a rule need at most, roughly: minutes and memory, for the scheduler of a cluster.

Guesses on the safe side, three to ten times what was measured on one CPU core; those for a GPU are not measured. One
answer per rule, that of its largest job: the tasks of a Slurm array share one request. A job that asks for too little
is killed, and its retry asks for more.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

from ganbench import pairing
from ganbench.protocol import Dataset
from ganbench.runs import Job, Plan, Run
from ganbench.searches import Step
from ganbench.specs import Spec

START = 120.0
"""Seconds until a process computes: imports from a network disk, the plan, the data."""

SHORTEST = 10
"""Minutes that are not worth asking for less."""

BASE = 4_000
"""Megabytes of a process with torch, and with CUDA's host side."""

PER_PIXEL = 2.4
"""Megabytes per pixel of the real images: 200,000 of three channels in float32, CelebA's number."""

OPERATIONS = 100.0
"""Of a convolutional network, floating-point operations per pixel, sample and squared width, for one update of both
players: measured for DCGAN at 32x32."""

RATE = {"cpu": 20e9, "cuda": 5e12}
"""Operations per second, of one core and of a GPU."""

UPDATE = {"cpu": 0.01, "cuda": 0.005}
"""Seconds of an update of one network that is too small to compute for long."""

MIXING = 10
"""How many times as long a minibatch layer makes an update at most."""

MEASURING = {"cpu": 0.02, "cuda": 0.01}
"""Seconds per generated sample of an evaluation, all metrics together."""

MORE_CRITIC = 3
"""How many times as long the usual range of `n_critic`, 1 to 5, makes a step: (5 + 1) / (1 + 1)."""

WIDTH, SIZE = 64, 64
"""Of networks and images that do not say how wide and how large they are."""


@dataclass(frozen=True)
class Needs:
    """What each job of a rule asks for. The methods are what Snakemake calls, with the number of the attempt."""

    minutes: int
    megabytes: int

    def runtime(self, wildcards: Any, attempt: int) -> int:
        """Minutes."""
        return attempt * self.minutes

    def mem_mb(self, wildcards: Any, attempt: int) -> int:
        """Megabytes."""
        return attempt * self.megabytes


def of(plan: Plan) -> dict[str, Needs]:
    """By rule, the needs of a study."""
    on = "cpu" if plan.study.device == "cpu" else "cuda"
    pixels = max(_pixels(dataset) for dataset in plan.datasets.values())
    memory = BASE + round(PER_PIXEL * pixels)
    seen: dict[tuple[str, str, str], float] = {}

    def training(run: Run) -> float:  # the same for all seeds of a cell
        cell = (run.dataset, run.architecture, run.method)
        if cell not in seen:
            guess = training_seconds(run.spec, _pixels(plan.datasets[run.dataset]), on, plan.study.threads)
            seen[cell] = guess if run.time_limit is None else min(guess, run.time_limit)
        return seen[cell]

    def evaluation(run: Run) -> float:
        dataset, snapshots = plan.datasets[run.dataset], len(run.spec["training"]["snapshots"])
        samples = (4 + dataset.evaluation.resamples) * dataset.samples  # raw and average, final and best
        return MEASURING[on] * (samples + 2 * snapshots * dataset.evaluation.snapshot_samples)

    def longest(jobs: dict[str, Job], seconds: Any) -> int:
        return _minutes(max(sum(map(seconds, job.runs)) for job in jobs.values()) if jobs else 0.0)

    def search(step: Step) -> float:  # a trial may have more critic steps than the method itself
        tuning, budget = step.search.tuning, step.search.spec["runs"]
        trials = len(step.numbers) if step.kind == "trials" else tuning.trials
        once = training_seconds(budget, _pixels(step.search.dataset), on, plan.study.threads)
        samples = tuning.evaluations * max(measure.samples for measure in step.search.objectives)
        return trials * len(tuning.seeds) * (MORE_CRITIC * once + MEASURING[on] * samples)

    trials = max((search(step) for step in plan.tuning_steps.values() if step.trains), default=0.0)
    return {
        "tune": Needs(30, BASE),
        "trials": Needs(_minutes(trials), memory + BASE // 2),
        "data": Needs(120, memory),
        "extractor": Needs(120, memory),
        "features": Needs(60, memory),
        "reference": Needs(60, memory),
        "train": Needs(longest(plan.training_jobs, training), memory),
        "evaluate": Needs(longest(plan.evaluation_jobs, evaluation), memory + BASE // 2),
        "report": Needs(10 + len(plan.runs) // 50, BASE + len(plan.runs)),
    }


def training_seconds(spec: Spec, pixels: int, on: str, threads: int) -> float:
    """How long a training takes at most, without its process's start. `on`: `cpu` or `cuda`."""
    method, budget = spec["method"], spec["training"]
    batch = budget["batch_size"] * method["packing"]
    updates = method["n_critic"] + method.get("generator_turns", 1) + method["unrolled"]
    penalised = 2 if method["penalty"] else 1  # the gradient of a gradient
    work = penalised * batch * _operations(spec["architecture"]["settings"], pixels)
    rate = RATE[on] * (threads if on == "cpu" else 1)
    slower = MIXING if pairing.mixes_samples(spec["architecture"]) else 1
    return float(budget["generator_steps"] * updates * (penalised * UPDATE[on] + work / 2 / rate) * slower)


def _operations(settings: dict[str, Any], pixels: int) -> float:
    """Operations per sample of one update of both players: from widths of layers, or a width of maps."""
    layers = [value for key, value in settings.items() if key.endswith("_widths") and value]
    if layers:  # six per weight: forwards, and backwards to inputs and weights; three passes
        ends = 3 * pixels + int(settings.get("noise_dim", WIDTH))
        weights = [ends * max(widths) + sum(a * b for a, b in itertools.pairwise(widths)) for widths in layers]
        return 18.0 * float(sum(weights))
    widths = [value for key, value in settings.items() if key.endswith("width") and isinstance(value, int)]
    return OPERATIONS * max(widths, default=WIDTH) ** 2 * pixels


def _pixels(dataset: Dataset) -> int:
    if dataset.kind == "points":
        return 1
    return int(dataset.spec["settings"].get("size", dataset.card.traits.get("size", SIZE))) ** 2


def _minutes(seconds: float) -> int:
    return max(SHORTEST, math.ceil((START + seconds) / 60))
