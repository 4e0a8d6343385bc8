"""What the jobs of a rule need at most, roughly: minutes and memory, for the scheduler of a cluster.

Guesses on the safe side, three to ten times what was measured on one CPU core; those for a GPU are not measured. One
answer per rule, that of its largest job: the tasks of a Slurm array share one request. A job that asks for too little
is killed, and its retry asks for more.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganbench import pairing
from ganbench.protocol import Dataset
from ganbench.runs import Plan
from ganbench.searches import Step
from ganbench.specs import Spec
from ganbench.work import Job, Run

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

COPIES = 10
"""How many times a member of a pack has its weights in memory: gradients, moments, an average; activations."""

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
    seen: dict[tuple[str, int], float] = {}

    def training(job: Job) -> float:
        return sum(
            alike * share(run, _members(run.spec, alike))
            for run, alike in _cells(job)  # all seeds of a cell take the same
        )

    def share(run: Run, members: int) -> float:  # of a run in a pack with so many of its cell
        if (run.cell, members) not in seen:
            of = run.spec, _pixels(plan.datasets[run.dataset]), on, plan.study.threads, members
            seen[run.cell, members] = training_seconds(*of) / members
        guess = seen[run.cell, members]
        return guess if run.time_limit is None else min(guess, run.time_limit)

    def packed(job: Job) -> float:  # megabytes of the largest pack; members of other cells may be in it
        return max(
            _members(run.spec, len(job.runs)) * member_megabytes(run.spec, _pixels(plan.datasets[run.dataset]))
            for run, _ in _cells(job)
        )

    def evaluation(run: Run) -> float:
        dataset, snapshots = plan.datasets[run.dataset], len(run.spec["training"]["snapshots"])
        samples = (4 + dataset.evaluation.resamples) * dataset.samples  # raw and average, final and best
        return MEASURING[on] * (samples + 2 * snapshots * dataset.evaluation.snapshot_samples)

    def largest(jobs: dict[str, Job], of: Callable[[Job], float]) -> float:
        return max(map(of, jobs.values()), default=0.0)

    def search(step: Step) -> float:  # a trial may have more critic steps than the method itself
        tuning, budget = step.search.tuning, step.search.spec["runs"]
        trials = len(step.numbers) if step.kind == "trials" else tuning.trials
        once = training_seconds(budget, _pixels(step.search.dataset), on, plan.study.threads)
        samples = tuning.evaluations * max(measure.samples for measure in step.search.objectives)
        return trials * len(tuning.seeds) * (MORE_CRITIC * once + MEASURING[on] * samples)

    def tried(step: Step) -> float:  # megabytes of its largest pack
        tuning, own = step.search.tuning, step.search.spec["runs"]
        alike = max(1, len(step.numbers)) * (1 if tuning.pruning else len(tuning.seeds))
        return _members(own, alike) * member_megabytes(own, _pixels(step.search.dataset))

    working = [step for step in plan.tuning_steps.values() if step.trains]
    trials, pack = (max(map(of, working), default=0.0) for of in (search, tried))
    return {
        "tune": Needs(30, BASE),
        "trials": Needs(_minutes(trials), memory + BASE // 2 + round(pack)),
        "data": Needs(120, memory),
        "extractor": Needs(120, memory),
        "features": Needs(60, memory),
        "reference": Needs(60, memory),
        "train": Needs(
            _minutes(largest(plan.training_jobs, training)), memory + round(largest(plan.training_jobs, packed))
        ),
        "evaluate": Needs(
            _minutes(largest(plan.evaluation_jobs, lambda job: sum(map(evaluation, job.runs)))), memory + BASE // 2
        ),
        "report": Needs(10 + len(plan.runs) // 50, BASE + len(plan.runs)),
    }


def _cells(job: Job) -> list[tuple[Run, int]]:
    """A run of each cell of a job, and how many there are."""
    counts = Counter(run.cell for run in job.runs)
    return [(run, counts[run.cell]) for run in {run.cell: run for run in job.runs}.values()]


def _members(spec: Spec, alike: int) -> int:
    """How many of so many runs are in one pack: as they are cut into packs of one size."""
    return math.ceil(alike / math.ceil(alike / int(spec.get("pack", 1))))


def member_megabytes(spec: Spec, pixels: int) -> float:
    """What one more training in a process takes at most, of networks that say how wide their layers are."""
    kept = COPIES + 2 * len(spec["training"]["snapshots"])
    return 4e-6 * kept * sum(_weights(spec["architecture"]["settings"], pixels))


def training_seconds(spec: Spec, pixels: int, on: str, threads: int, members: int = 1) -> float:
    """How long a training takes at most, without its process's start; or a pack of so many. `on`: `cpu` or `cuda`."""
    method, budget = spec["method"], spec["training"]
    batch = budget["batch_size"] * method["packing"]
    updates = method["n_critic"] + method.get("generator_turns", 1) + method["unrolled"]
    penalised = 2 if method["penalty"] else 1  # the gradient of a gradient
    work = penalised * batch * _operations(spec["architecture"]["settings"], pixels)
    rate = RATE[on] * (threads if on == "cpu" else 1)
    mixes = pairing.mixes_samples(spec["architecture"])
    started = penalised * UPDATE[on] * (members if mixes else 1)  # a minibatch layer takes members one by one
    slower = MIXING if mixes else 1
    return float(budget["generator_steps"] * updates * (started + members * work / 2 / rate) * slower)


def _operations(settings: dict[str, Any], pixels: int) -> float:
    """Operations per sample of one update of both players: from widths of layers, or a width of maps."""
    if weights := _weights(settings, pixels):  # six per weight: forwards, and backwards to inputs and weights; 3 passes
        return 18.0 * float(sum(weights))
    widths = [value for key, value in settings.items() if key.endswith("width") and isinstance(value, int)]
    return OPERATIONS * max(widths, default=WIDTH) ** 2 * pixels


def _weights(settings: dict[str, Any], pixels: int) -> list[int]:
    """How many weights each player has, about; empty if the architecture does not say how wide its layers are."""
    ends = 3 * pixels + int(settings.get("noise_dim", WIDTH))
    layers = [value for key, value in settings.items() if key.endswith("_widths") and value]
    return [ends * max(widths) + sum(a * b for a, b in itertools.pairwise(widths)) for widths in layers]


def _pixels(dataset: Dataset) -> int:
    if dataset.kind == "points":
        return 1
    return int(dataset.spec["settings"].get("size", dataset.card.traits.get("size", SIZE))) ** 2


def _minutes(seconds: float) -> int:
    return max(SHORTEST, math.ceil((START + seconds) / 60))
