"""Carry out training jobs: in packs what can be, run by run what cannot."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganbench import data, jobs, layout, machine, optimizers, plugins, training
from ganbench.packs import grouping, loop
from ganbench.packs.average import Average
from ganbench.packs.losses import Losses
from ganbench.packs.network import Stack
from ganbench.packs.optimizer import Optimizer
from ganbench.progress import Progress
from ganbench.plugins import Registry
from ganbench.runs import Job, Plan, Run
from ganbench.specs import Spec, digest
from ganbench.streams import stream
from ganbench.train import State, unchanged
from ganbench.unrolling import Scores


def carry_out(plan: Plan, job: Job, device: torch.device) -> bool:
    """Train the runs of a job that are not trained yet; False if one raised."""
    samples = data.read(plan.datasets[job.dataset], "train").samples.to(device)
    if not all("pack" in run.spec for run in job.runs):
        optimizers.warm_up()

    def work(together: list[Run]) -> None:
        if "pack" in together[0].spec:
            train_pack(plan, together, samples, device)
        else:
            training.train_run(plan, together[0], samples, device)

    return jobs.each(plan, job, work, lambda runs: grouping.packs(runs, plan.registry))


@dataclass(frozen=True)
class Member:
    """A generator of a trained pack."""

    player: loop.Player
    slot: int

    @property
    def network(self) -> nn.Module:
        """The network, with its last weights."""
        return self.player.stack.members[self.slot]

    def weights(self) -> dict[str, State]:
        """A copy on the CPU of its weights, `raw`, and of their average, `ema`."""
        return self.player.weights(self.slot)


def train_pack(plan: Plan, runs: Sequence[Run], samples: Tensor, device: torch.device) -> None:
    """Train runs of one shape together on the training split (on the device), and write their folders."""
    cpu_start, start = time.process_time(), time.perf_counter()
    machine.forget_peak_memory(device)
    width = runs[0].spec["pack"]
    members = [*runs, *[runs[0]] * (width - len(runs))]  # padding: once more the first, whose result nobody reads
    specs = [run.spec for run in members]
    budget, method = specs[0]["training"], specs[0]["method"]
    made = [training.networks(plan, spec, tuple(samples.shape[1:]), device) for spec in specs]
    architecture = made[0][0]
    generator, discriminator = (
        _player([networks[i] for networks in made], [spec["method"][f"{who}_optimizer"] for spec in specs])
        for i, who in ((1, "generator"), (2, "discriminator"))
    )
    if method["ema"] is not None:
        generator = loop.Player(generator.stack, generator.optimizer, Average(generator.stack, method["ema"]))
    outcomes = loop.train(
        generator,
        discriminator,
        loss=Losses(_parts(plan, "loss", specs), device),
        penalty=penalty(plan.registry, specs, [stream(run.seed, "penalty", device) for run in members]),
        constraints=_parts(plan, "constraint", specs) if method["constraint"] else [],
        feed=feed(samples, budget["batch_size"] * method["packing"], architecture.noise_dim, [r.seed for r in members]),
        steps=budget["generator_steps"],
        n_critic=method["n_critic"],
        log_every=budget["log_every"],
        snapshots=frozenset(budget["snapshots"]),
        progress=_progress(plan, runs, budget["generator_steps"]),
        view=view(method["packing"]),
        penalty_interval=method["penalty_interval"],
        simultaneous=method["simultaneous"],
        unrolled=method["unrolled"],
        falling=method["lr_decay"] is not None,
        members=len(runs),
    )
    for slot, (run, outcome) in enumerate(zip(runs, outcomes, strict=True)):
        cost = {
            "seconds": (time.perf_counter() - start) / len(runs),
            "cpu_seconds": (time.process_time() - cpu_start) / len(runs),
            "peak_memory": machine.peak_memory(device),
            "provenance": {**machine.provenance(device), "pack": {"width": width, "members": len(runs), "slot": slot}},
        }
        judge = discriminator.stack.members[slot]
        training.write(plan, run, samples, architecture, Member(generator, slot), judge, outcome, cost)


def _player(networks: Sequence[nn.Module], settings: Sequence[Spec]) -> loop.Player:
    stack = Stack(networks)
    return loop.Player(stack, Optimizer(settings, stack.flat))


def _parts(plan: Plan, kind: str, specs: Sequence[Spec]) -> list[Any]:
    """A part of each member's method; equal ones are one object."""
    built: dict[str, Any] = {}
    for spec in specs:
        key = digest(spec["method"][kind])
        built[key] = built.get(key) or training.part(plan, kind, spec["method"])
    return [built[digest(spec["method"][kind])] for spec in specs]


def penalty(registry: Registry, specs: Sequence[Spec], streams: Sequence[torch.Generator]) -> loop.Penalty | None:
    """The penalty of all members at once, at a scale of 1, times the scale of each."""
    chosen = [spec["method"]["penalty"] for spec in specs]
    if chosen[0] is None:
        return None
    card = registry.card("penalty", chosen[0]["name"])
    scale = card.traits.get("scale")
    plugin = plugins.load(card, {**chosen[0]["settings"], **({scale: 1.0} if scale else {})})
    scales = torch.tensor(
        [of["settings"][scale] if scale else 1.0 for of in chosen], dtype=torch.float64, device=streams[0].device
    )

    def weighted(scores: Scores, real: Tensor, fake: Tensor) -> Tensor:
        value: Tensor = plugin(scores, real, fake, streams)
        if value.shape != real.shape[:1]:
            raise ValueError(f"penalty {card.name} turns samples {tuple(real.shape)} into {tuple(value.shape)}")
        return scales.to(value.dtype) * value

    return weighted


def feed(
    samples: Tensor, batch: int, noise_dim: int, seeds: Sequence[int], dtype: torch.dtype = torch.float32
) -> loop.Feed:
    """The real samples and the noise of each member, from the streams that a run by itself has."""
    device = samples.device
    shuffling, drawing = ([stream(seed, role, device) for seed in seeds] for role in ("data", "noise"))

    def noise() -> Tensor:
        drawn = torch.empty(len(seeds), batch, noise_dim, device=device, dtype=dtype)
        for own, source in zip(drawn, drawing, strict=True):
            own.normal_(generator=source)
        return drawn

    return loop.Feed(_batches(samples, batch, shuffling), noise)


def _batches(samples: Tensor, size: int, streams: Sequence[torch.Generator]) -> Iterator[Tensor]:
    """`data.batches` of each member (members, size, ...)."""
    count = len(samples)
    if count < size:
        raise data.DataError(f"batch_size {size} is larger than the training split ({count} samples)")
    while True:
        orders = torch.stack([torch.randperm(count, generator=source, device=samples.device) for source in streams])
        for index in orders[:, : count // size * size].split(size, 1):
            yield data.as_floats(samples[index])


def view(packing: int) -> Callable[[Tensor], Tensor]:
    """What the discriminator sees of samples (members, batch, ...): `packing` of them side by side."""
    if packing == 1:
        return unchanged

    def side_by_side(samples: Tensor) -> Tensor:
        members, batch, channels, *rest = samples.shape
        return samples.reshape(members, batch // packing, packing * channels, *rest)

    return side_by_side


def _progress(plan: Plan, runs: Sequence[Run], steps: int) -> Progress:
    others = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return Progress(f"{runs[0].id}{others}", steps, layout.RESULTS / plan.study.study, len(plan.runs))
