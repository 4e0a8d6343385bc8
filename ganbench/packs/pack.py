"""A pack: trainings of one shape that take their steps together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ganbench import data, plugins, rehearsal, training
from ganbench.capture import Recorded, Recording, eagerly
from ganbench.packs import loop
from ganbench.packs.average import Average
from ganbench.packs.losses import Losses
from ganbench.packs.member import Member
from ganbench.packs.network import Stack
from ganbench.packs.optimizer import Optimizer
from ganbench.plugins import Registry
from ganbench.rehearsal import Steps
from ganbench.runs import Plan
from ganbench.session import Session
from ganbench.specs import Spec, digest
from ganbench.streams import normal, stream
from ganbench.train import straight_on, unchanged
from ganbench.unrolling import Scores

REHEARSAL = 3
"""Steps in which two widths of a pack are compared."""


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

    def rehearse(self) -> tuple[Tensor, Tensor, Tensor]:
        """Some steps of the training, a penalty in each, of which nothing is kept. Returns what shows whether slots and
        companies matter: the weights of both players (slots, numbers), and scores (slots, batch), as a critic's weights
        need not depend on its scores."""
        self._train(REHEARSAL, 1, lambda _: None, straight_on, math.inf)
        generator, discriminator = (player.stack for player in self.players)
        spec, device = self.specs[0], generator.flat.device
        size = (training.batch_of(spec), self.sessions[0].architecture.noise_dim)
        seen = noise([stream(0, "rehearsal", device)], size, len(self.specs) - 1)
        with torch.no_grad():
            scores = discriminator(view(spec["method"]["packing"])(generator(seen)))
        return generator.flat, discriminator.flat, scores

    def train(
        self,
        progress: Callable[[int], None],
        between_steps: Callable[[], None] = straight_on,
        limit: float = math.inf,
        until: int | None = None,
        recorder: Recording | None = None,
    ) -> None:
        """The training, up to its end, a step, or the time limit in seconds; with a `recorder` its steps are
        recorded."""
        steps, interval = self.specs[0]["training"]["generator_steps"], self.specs[0]["method"]["penalty_interval"]
        self._train(until or steps, interval, progress, between_steps, limit, recorder)

    def _train(
        self,
        steps: int,
        interval: int,
        progress: Callable[[int], None],
        between_steps: Callable[[], None],
        limit: float,
        recorder: Recording | None = None,
    ) -> None:
        budget, method = self.specs[0]["training"], self.specs[0]["method"]
        device, padding = self.players[0].stack.flat.device, len(self.specs) - len(self.sessions)
        inputs, own = ([session.streams[role] for session in self.sessions] for role in ("noise", "penalty"))
        penalising = [*own, *(stream(spec["seed"], "penalty", device) for spec in self.specs[len(own) :])]
        batches = Batches([session.batches for session in self.sessions], padding)
        size = (training.batch_of(self.specs[0]), self.sessions[0].architecture.noise_dim)
        held = data.Held(batches, method["n_critic"])
        loop.train(
            *self.players,
            loss=Losses(_parts(self.plan, "loss", self.specs), device, int(self.specs[0]["pack"])),
            penalty=penalty(self.plan.registry, self.specs, penalising),
            constraints=_parts(self.plan, "constraint", self.specs) if method["constraint"] else [],
            batches=held if recorder else batches,
            noise=lambda: noise(inputs, size, padding),
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
            way=Recorded(recorder(device, lambda: [*inputs, *penalising]), held.feed) if recorder else eagerly,
            pause=between_steps,
            time_limit=limit,
        )


def steps_of(plan: Plan, specs: Sequence[Spec], samples: Tensor, slots: int) -> Steps:
    """How the steps of a pack of these members are carried out on the device of their samples."""

    def trained(short: Spec, recorder: Recording | None) -> Tensor:
        pack = Pack.of(plan, [{**spec, "training": short["training"]} for spec in specs], samples, slots)
        pack.train(lambda _: None, recorder=recorder)
        return torch.cat([player.stack.flat.flatten().double() for player in pack.players])

    wanted, unsure = plan.study.cuda_graphs, training.unsure(plan, specs[0])
    return rehearsal.steps(specs[0], samples.device, wanted, unsure, trained)


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


class Batches:
    """The batches of all members (members, batch, ...) for ever; padding has the first's."""

    def __init__(self, members: Sequence[data.Batches], padding: int = 0) -> None:
        self._members, self._padding = members, padding
        self._left = torch.empty(0)

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> tuple[Tensor, ...]:
        return self.at(self.draw())

    def draw(self) -> Tensor:
        """Which samples the next batch of each member has (members, batch)."""
        if not len(self._left):  # once per epoch, as members are all at the same place
            rest = [own.rest() for own in self._members]
            self._left = torch.stack([*rest, *rest[:1] * self._padding], 1)
        for own in self._members:
            own.skip()
        drawn, self._left = self._left[0], self._left[1:]
        return drawn

    def at(self, index: Tensor) -> tuple[Tensor, ...]:
        """These samples."""
        return self._members[0].at(index)


def noise(
    streams: Sequence[torch.Generator], size: tuple[int, int], padding: int = 0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Generator inputs (members, batch, noise_dim) of a size (batch, noise_dim), each from its member's stream; padding
    has the first's."""
    drawn = normal(streams, size, dtype)
    return torch.cat([drawn, drawn[:1].expand(padding, *size)]) if padding else drawn


def view(packing: int) -> Callable[[Tensor], Tensor]:
    """What the discriminator sees of samples (members, batch, ...): `packing` of them side by side."""
    if packing == 1:
        return unchanged

    def side_by_side(samples: Tensor) -> Tensor:
        members, batch, channels, *rest = samples.shape
        return samples.reshape(members, batch // packing, packing * channels, *rest)

    return side_by_side
