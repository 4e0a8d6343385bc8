"""Carry out training jobs: in packs what can be, run by run what cannot."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
    plugins,
    processor,
    training,
)
from ganbench.interruptions import Interruption
from ganbench.packs import grouping, loop
from ganbench.packs.average import Average
from ganbench.packs.losses import Losses
from ganbench.packs.member import Member
from ganbench.packs.network import Stack
from ganbench.packs.optimizer import Optimizer
from ganbench.plugins import Registry
from ganbench.progress import Progress
from ganbench.runs import Plan
from ganbench.session import Session
from ganbench.sidecar import pause
from ganbench.specs import Spec, digest
from ganbench.streams import stream
from ganbench.train import straight_on, unchanged
from ganbench.tune import best
from ganbench.unrolling import Scores
from ganbench.work import Job, Run

REHEARSAL = 3
"""Steps in which two widths of a pack are compared."""


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
    provenance = machine.provenance(samples.device)
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
    pack.train(_progress(plan, settled, works[0].session.course.step), between_steps, limit)
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


def _rehearsed(plan: Plan, spec: Spec, samples: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """The weights of both players after some steps of a member in every slot."""
    pack = Pack.of(plan, [spec], samples, slots)
    pack.rehearse()
    generator, discriminator = (player.stack.flat.view(torch.uint8) for player in pack.players)  # NaN equals itself
    return generator, discriminator


@dataclass(frozen=True)
class Pack:
    """Trainings that take their steps together: their players, and a session for each."""

    plan: Plan
    specs: Sequence[Spec]
    """Of all slots: padding is once more the first member, and nobody reads its result."""
    players: tuple[loop.Player, loop.Player]
    sessions: list[Session[Member]]

    @classmethod
    def of(cls, plan: Plan, members: Sequence[Spec], samples: Tensor, slots: int) -> "Pack":
        """The pack of these members at the beginning of their training, with so many slots."""
        specs = [*members, *[members[0]] * (slots - len(members))]
        made = [training.networks(plan, spec, tuple(samples.shape[1:]), samples.device) for spec in specs]
        generator = _player([generator for _, generator, _ in made], specs, "generator")
        discriminator = _player([discriminator for _, _, discriminator in made], specs, "discriminator")
        if specs[0]["method"]["ema"] is not None:
            generator = replace(generator, average=Average(generator.stack, specs[0]["method"]["ema"]))
        sessions = []
        for slot, spec in enumerate(members):
            built = (made[slot][0], Member(generator, slot), Member(discriminator, slot))
            sessions.append(training.session_of(plan, spec, samples, built))
        return cls(plan, specs, (generator, discriminator), sessions)

    def only(self, slots: Sequence[int], samples: Tensor, width: int) -> "Pack":
        """The members in some slots, as they are, in a pack with `width` slots. They cannot go on in the old one."""
        smaller = Pack.of(self.plan, [self.specs[slot] for slot in slots], samples, width)
        for new, old in zip(smaller.sessions, (self.sessions[slot] for slot in slots), strict=True):
            new.generator.load_state_dict(old.generator.state_dict())
            new.discriminator.load_state_dict(old.discriminator.state_dict())
            new.streams, new.batches, new.course = old.streams, old.batches, old.course
        return smaller

    def rehearse(self) -> None:
        """Some steps of the training, a penalty in each, of which nothing is kept."""
        self._train(REHEARSAL, 1, lambda _: None, straight_on, math.inf)

    def train(
        self,
        progress: Callable[[int], None],
        between_steps: Callable[[], None] = straight_on,
        limit: float = math.inf,
        until: int | None = None,
    ) -> None:
        """The training, up to its end, a step, or the time limit in seconds."""
        steps, interval = self.specs[0]["training"]["generator_steps"], self.specs[0]["method"]["penalty_interval"]
        self._train(until or steps, interval, progress, between_steps, limit)

    def _train(
        self,
        steps: int,
        interval: int,
        progress: Callable[[int], None],
        between_steps: Callable[[], None],
        limit: float,
    ) -> None:
        budget, method = self.specs[0]["training"], self.specs[0]["method"]
        device = self.players[0].stack.flat.device
        streams = [session.streams["penalty"] for session in self.sessions]
        padding = [stream(spec["seed"], "penalty", device) for spec in self.specs[len(streams) :]]
        loop.train(
            *self.players,
            loss=Losses(_parts(self.plan, "loss", self.specs), device),
            penalty=penalty(self.plan.registry, self.specs, [*streams, *padding]),
            constraints=_parts(self.plan, "constraint", self.specs) if method["constraint"] else [],
            feed=self._feed(),
            courses=[session.course for session in self.sessions],
            steps=steps,
            n_critic=method["n_critic"],
            log_every=budget["log_every"],
            snapshots=frozenset(budget["snapshots"]),
            progress=progress,
            view=view(method["packing"]),
            penalty_interval=interval,
            simultaneous=method["simultaneous"],
            unrolled=method["unrolled"],
            falling=budget["generator_steps"] if method["lr_decay"] else None,
            pause=between_steps,
            time_limit=limit,
        )

    def _feed(self) -> loop.Feed:
        noise = [session.streams["noise"] for session in self.sessions]
        size = (training.batch_of(self.specs[0]), self.sessions[0].architecture.noise_dim)
        return feed([session.batches for session in self.sessions], noise, size, len(self.specs) - len(noise))


def _player(networks: Sequence[torch.nn.Module], specs: Sequence[Spec], who: str) -> loop.Player:
    stack = Stack(networks)
    return loop.Player(stack, Optimizer([spec["method"][f"{who}_optimizer"] for spec in specs], stack.flat))


def _parts(plan: Plan, kind: str, specs: Sequence[Spec]) -> list[Any]:
    """A part of each member's method; equal ones are one object."""
    built: dict[str, Any] = {}
    keys = [digest(spec["method"][kind]) for spec in specs]
    for key, spec in zip(keys, specs, strict=True):
        if key not in built:
            built[key] = training.part(plan, kind, spec["method"])
    return [built[key] for key in keys]


def penalty(registry: Registry, specs: Sequence[Spec], streams: Sequence[torch.Generator]) -> loop.Penalty | None:
    """The penalty of all members at once, at a scale of 1, times the scale of each."""
    chosen = [spec["method"]["penalty"] for spec in specs]
    if chosen[0] is None:
        return None
    card = registry.card("penalty", chosen[0]["name"])
    scale = card.traits.get("scale")
    plugin = plugins.load(card, {**chosen[0]["settings"], **({scale: 1.0} if scale else {})})
    values = [of["settings"][scale] if scale else 1.0 for of in chosen]
    scales = torch.tensor(values, dtype=torch.float64, device=streams[0].device)

    def weighted(scores: Scores, real: Tensor, fake: Tensor) -> Tensor:
        value: Tensor = plugin(scores, real, fake, streams)
        if value.shape != real.shape[:1]:
            raise ValueError(f"penalty {card.name} turns samples {tuple(real.shape)} into {tuple(value.shape)}")
        return scales.to(value.dtype) * value

    return weighted


def feed(
    batches: Sequence[data.Batches],
    streams: Sequence[torch.Generator],
    size: tuple[int, int],
    padding: int = 0,
    dtype: torch.dtype = torch.float32,
) -> loop.Feed:
    """The real samples of each member, and noise of a size (batch, noise_dim) from its stream; padding has the first's.

    A session with a GPU replaces this by draws on the device, for a step that can be captured as a CUDA graph.
    """

    def filled(drawn: list[Tensor]) -> Tensor:
        return torch.stack([*drawn, *drawn[:1] * padding])

    def real() -> Tensor:
        return filled([next(own)[0] for own in batches])

    def noise() -> Tensor:
        return filled([torch.randn(size, generator=own, device=own.device, dtype=dtype) for own in streams])

    return loop.Feed(real, noise)


def view(packing: int) -> Callable[[Tensor], Tensor]:
    """What the discriminator sees of samples (members, batch, ...): `packing` of them side by side."""
    if packing == 1:
        return unchanged

    def side_by_side(samples: Tensor) -> Tensor:
        members, batch, channels, *rest = samples.shape
        return samples.reshape(members, batch // packing, packing * channels, *rest)

    return side_by_side


def _progress(plan: Plan, runs: Sequence[Run], first: int) -> Progress:
    others = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    steps = runs[0].spec["training"]["generator_steps"]
    return Progress(f"{runs[0].id}{others}", steps, layout.RESULTS / plan.study.study, len(plan.runs), first)
