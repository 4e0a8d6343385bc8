"""Carry out training jobs: in packs what can be, run by run what cannot."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ganbench import (
    checkpoint,
    data,
    given,
    interruptions,
    jobs,
    layout,
    machine,
    optimizers,
    processor,
    training,
)
from ganbench.interruptions import Interruption
from ganbench.packs import grouping
from ganbench.packs.pack import Pack, steps_of
from ganbench.progress import Progress
from ganbench.runs import Plan
from ganbench.sidecar import pause
from ganbench.specs import Spec
from ganbench.tune import best
from ganbench.work import Job, Run


def carry_out(plan: Plan, job: Job, device: torch.device) -> bool:
    """Train the runs of a job that are not trained yet; False if one raised."""
    samples = data.read(plan.datasets[job.dataset], "train").samples.to(device)
    conditions = given.read(plan.datasets[job.dataset], "train")
    asked = conditions.to(device) if conditions else None
    packed = [run for run in job.runs if "pack" in run.spec]
    if len(packed) < len(job.runs):
        optimizers.warm_up()
    memory = processor.keep_memory() if packed else "default"

    def work(together: list[Run]) -> None:
        if "pack" in together[0].spec:
            with processor.products(device) as products:
                train_together(plan, together, samples, {"products": products, "memory": memory})
        else:
            training.train_run(plan, together[0], samples, device, asked)

    return jobs.each(plan, job, work, lambda runs: grouping.packs(runs, plan.registry, len(runs)))


def train_together(plan: Plan, runs: Sequence[Run], samples: Tensor, settings: dict[str, str]) -> None:
    """Train runs of one shape on the training split (on the device), those together that are at the same step.

    `settings` of the processor are recorded; those of the products must be the same where a run goes on.
    """
    at: dict[int, list[Run]] = {}
    for run in runs:
        at.setdefault(_reached(plan, run, samples.device, settings), []).append(run)
    for together in at.values():
        with interruptions.deferred() as interruption:
            seats = seated(plan, [best.settled(plan, run).spec for run in together], samples)
            for members, slots in seats:
                train_pack(plan, [together[m] for m in members], samples, slots, settings, interruption)


def _reached(plan: Plan, run: Run, device: torch.device, settings: dict[str, str]) -> int:
    """The step of a run's checkpoint; 0 without one that will do."""
    path = plan.folder(run) / layout.CHECKPOINT
    if not path.exists():
        return 0
    try:
        settled = best.settled(plan, run)
        return int(checkpoint.read(path, _identity(settled, device, settings))["course"]["step"])
    except checkpoint.RefusedError as error:
        training.afresh(plan, run, error)
        path.unlink()
        return 0


def _identity(run: Run, device: torch.device, settings: dict[str, str]) -> checkpoint.Identity:
    return {**training.identity(run, device), "products": settings["products"]}


def train_pack(
    plan: Plan,
    runs: Sequence[Run],
    samples: Tensor,
    slots: int,
    settings: dict[str, str],
    interruption: Interruption,
) -> None:
    """Train runs that are at the same step in a pack of so many slots, and write their folders."""
    efforts = [machine.Effort(samples.device, len(runs)) for _ in runs]
    settled = [best.settled(plan, run) for run in runs]
    pack = Pack.of(plan, [run.spec for run in settled], samples, slots)
    works = [
        training.undertaking(plan, *of, interruption) for of in zip(runs, settled, pack.sessions, efforts, strict=True)
    ]
    for work in works:
        work.sidecar.identity = _identity(work.run, samples.device, settings)
        work.sidecar.resume()
    steps = steps_of(plan, [run.spec for run in settled], samples, slots)
    provenance = {**machine.provenance(samples.device), **training.noted(steps)}
    written: set[str] = set()

    def write(slot: int) -> None:
        run, own = runs[slot], {"width": runs[0].spec["pack"], "slots": slots, "members": len(runs), "slot": slot}
        training.finish(plan, works[slot], samples, {**provenance, "pack": {**own, **settings}})
        written.add(run.id)

    def between_steps() -> None:
        for slot, work in enumerate(works):
            if work.session.course.diverged_at is not None and runs[slot].id not in written:
                write(slot)
        pause([work.sidecar for work in works if work.run.id not in written])

    limit = math.inf if runs[0].time_limit is None else runs[0].time_limit
    progress = _progress(plan, settled, works[0].session.course.step)
    pack.train(progress, between_steps, limit, recorder=steps.recorder)
    for slot, run in enumerate(runs):
        if run.id not in written:
            write(slot)


def seated(plan: Plan, specs: Sequence[Spec], samples: Tensor) -> list[tuple[list[int], int]]:
    """Which of some members of one shape, by number, this machine trains together, and in how many slots: all, or where
    bits depend on the slot each in the first of a full pack."""
    slots = _slots(plan, specs, samples)
    if slots is not None:
        return [(list(range(len(specs))), slots)]
    return [([number], int(spec["pack"])) for number, spec in enumerate(specs)]


def _slots(plan: Plan, specs: Sequence[Spec], samples: Tensor) -> int | None:
    """How many slots a pack needs, tried with some steps of its first member in all slots: as many as it has members if
    this machine then computes the same bits as in a full pack, else all; and None if even in a full pack they depend on
    the slot."""
    width, few = int(specs[0]["pack"]), len(specs)
    full = _rehearsed(plan, specs[0], samples, width)
    if any(not torch.equal(rows, rows[:1].expand_as(rows)) for rows in full):
        return None
    fewer = full if few == width else _rehearsed(plan, specs[0], samples, few)
    return few if all(torch.equal(rows, of[:few]) for rows, of in zip(fewer, full, strict=True)) else width


def _rehearsed(plan: Plan, spec: Spec, samples: Tensor, slots: int) -> list[Tensor]:
    """What comes of a rehearsal of a member in every slot, as bytes: NaN then equals itself."""
    pack = Pack.of(plan, [spec], samples, slots)
    return [rows.view(torch.uint8) for rows in pack.rehearse()]


def _progress(plan: Plan, runs: Sequence[Run], first: int) -> Progress:
    others = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    steps = runs[0].spec["training"]["generator_steps"]
    return Progress(f"{runs[0].id}{others}", steps, layout.RESULTS / plan.study.study, len(plan.runs), first)
