"""The training loop of a pack: what `ganbench.train` does, for all members at once.

Every objective is a sum over members of means over batches, so that no member's gradient depends on another, and what
is not finite in one stays in it.
"""

import math
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ganbench.capture import Way, eagerly
from ganbench.course import Course, Snapshot, State, copied
from ganbench.packs.average import Average
from ganbench.packs.network import Stack
from ganbench.packs.optimizer import Optimizer
from ganbench.train import Constraint, Loss, straight_on, unchanged
from ganbench.unrolling import Scores

Penalty = Callable[[Scores, Tensor, Tensor], Tensor]
"""Scores, and real and fake samples (members, batch, ...), to each member's weighted penalty (members,)."""


@dataclass(frozen=True)
class Player:
    """The networks of all members and their optimizer; if wanted, a moving average that follows them."""

    stack: Stack
    optimizer: Optimizer
    average: Average | None = None

    def step(self, slopes: Tensor) -> None:
        """One step down the slopes."""
        self.optimizer.step(slopes)
        if self.average is not None:
            self.average.follow()

    def weights(self, slot: int) -> dict[str, State]:
        """A copy on the CPU of a member's weights, `raw`, and of their average, `ema`."""
        stacks = {"raw": self.stack, **({} if self.average is None else {"ema": self.average.stack})}
        return {name: {k: copied(v) for k, v in s.members[slot].state_dict().items()} for name, s in stacks.items()}


class Step(NamedTuple):
    """What a step leaves, on the device: of each member (members,) both losses, that of the discriminator with and
    without its penalty, and the penalty if it was due; the scores (members, batch) of the last real and generated
    samples; and the slopes of both players."""

    penalised: Tensor
    discriminator_loss: Tensor
    generator_loss: Tensor
    penalty: Tensor | None
    real_scores: Tensor
    fake_scores: Tensor
    discriminator_slopes: Tensor
    generator_slopes: Tensor


def train(
    generator: Player,
    discriminator: Player,
    *,
    loss: Loss,
    penalty: Penalty | None,
    constraints: Sequence[Constraint],
    batches: Iterator[tuple[Tensor, ...]],
    noise: Callable[[], Tensor],
    courses: Sequence[Course],
    steps: int,
    n_critic: int,
    log_every: int,
    progress: Callable[[int], None],
    snapshots: Container[int] = (),
    view: Callable[[Tensor], Tensor] = unchanged,
    penalty_interval: int = 1,
    simultaneous: bool = False,
    unrolled: int = 0,
    falling: int | None = None,
    way: Way = eagerly,
    pause: Callable[[], None] = straight_on,
    time_limit: float = math.inf,
) -> None:
    """Train all members up to `steps` generator steps. The rest is as in `ganbench.train.train`.

    `courses`: one for each of the first members, all at the same step; the other members are padding. A member that
    diverged gets no more history, and its companions go on. `constraints`: one per member, or none. `falling`: the
    learning rates fall linearly, to 0 after that many steps. The seconds of a course are its share of the pack's.
    """
    judge = discriminator.stack
    relativistic = getattr(loss, "relativistic", False)
    turns, penalty_value = courses[0].turns, torch.zeros(len(judge.members), device=judge.flat.device)
    for own, course in zip(penalty_value, courses, strict=False):
        own.copy_(course.penalty)

    def ahead(real: Tensor, fake: Tensor) -> Scores:
        """The discriminators after `unrolled` more steps on the same samples (`ganbench.unrolling`)."""
        weights, state = judge.flat.detach().requires_grad_(), dict(discriminator.optimizer.state)

        def scores(samples: Tensor) -> Tensor:  # by the weights of the moment: after the loop, the last ones
            return judge.through(judge.named(weights), samples)

        for _ in range(unrolled):
            future = loss.discriminator(scores(real), scores(fake))
            if penalty is not None:
                future = future + penalty(scores, real, fake)
            (slopes,) = torch.autograd.grad(future.sum(), weights, create_graph=True)
            weights = discriminator.optimizer.ahead(state, weights, slopes)
        return scores

    @torch.no_grad()
    def update(slopes: Tensor) -> None:
        discriminator.step(slopes)
        for member, constraint in zip(judge.members, constraints, strict=False):
            constraint(member)

    def whole(due: Sequence[bool]) -> Step:
        """A step, with the penalty in the turns where it is `due`."""
        charged: Tensor | None = None
        for turn, is_due in enumerate(due, 1):
            (real,) = (view(samples) for samples in next(batches))
            with torch.no_grad():
                fake = view(generator.stack(noise()))
            if judge.mixes:
                real_scores, fake_scores = judge(real), judge(fake)
            else:  # the same, in half as many products
                real_scores, fake_scores = (s.contiguous() for s in judge(torch.cat([real, fake], 1)).chunk(2, 1))
            penalised = discriminator_loss = loss.discriminator(real_scores, fake_scores)
            if penalty is not None and is_due:
                charged = penalty_interval * penalty(judge, real, fake)
                penalised = penalised + charged
            discriminator_slopes = judge.slopes(penalised.sum())
            if not simultaneous or turn < len(due):
                update(discriminator_slopes)

        fake = view(generator.stack(noise()))
        judged = ahead(real, fake) if unrolled else judge
        rivals = judged(real) if relativistic else real_scores.detach()
        generator_loss = loss.generator(rivals, judged(fake))
        generator_slopes = generator.stack.slopes(generator_loss.sum())
        if simultaneous:
            update(discriminator_slopes)
        generator.step(generator_slopes)
        return Step(
            penalised.detach(),
            discriminator_loss.detach(),
            generator_loss.detach(),
            None if charged is None else charged.detach(),
            real_scores.detach(),
            fake_scores.detach(),
            discriminator_slopes,
            generator_slopes,
        )

    start = time.perf_counter() - courses[0].seconds * len(courses)
    if falling:
        generator.optimizer.fall(courses[0].step, falling)
        discriminator.optimizer.fall(courses[0].step, falling)
    for step in range(courses[0].step + 1, steps + 1):
        due = tuple((turns + turn) % penalty_interval == 0 for turn in range(1, n_critic + 1))
        taken = way(due, partial(whole, due))
        turns += n_critic
        if taken.penalty is not None:
            penalty_value = taken.penalty
        if falling:
            generator.optimizer.fall(step, falling)
            discriminator.optimizer.fall(step, falling)

        seconds = (time.perf_counter() - start) / len(courses)
        both = torch.stack([taken.penalised, taken.generator_loss], 1)
        for course, own, penalised_by in zip(courses, both, penalty_value, strict=False):
            course.step, course.seconds, course.turns, course.penalty = step, seconds, turns, penalised_by
            course.losses.append(own)
        if step % log_every == 0 or step == steps:
            values = {
                "discriminator_loss": taken.discriminator_loss,
                "generator_loss": taken.generator_loss,
                "penalty": penalty_value / penalty_interval,
                "real_score": taken.real_scores.mean(-1),
                "fake_score": taken.fake_scores.mean(-1),
                "discriminator_gradient": taken.discriminator_slopes.norm(dim=1),
                "generator_gradient": taken.generator_slopes.norm(dim=1),
            }
            rows = torch.stack(list(values.values()), 1).tolist()
            sound = (generator.stack.flat.isfinite().all(1) & judge.flat.isfinite().all(1)).tolist()
            for course, numbers, finite in zip(courses, rows, sound, strict=False):
                if course.diverged_at is None:
                    course.history.append({"step": step, "seconds": seconds, **dict(zip(values, numbers, strict=True))})
                    course.diverges(finite)
                course.losses.clear()
            progress(step)
        going = [(slot, course) for slot, course in enumerate(courses) if course.diverged_at is None]
        if step in snapshots:
            for slot, course in going:
                course.snapshots.append(Snapshot(step, seconds, generator.weights(slot)))
        pause()
        if seconds >= time_limit and step < steps:
            sound = (generator.stack.flat.isfinite().all(1) & judge.flat.isfinite().all(1)).tolist()
            for slot, course in going:
                course.timed_out = not course.diverges(sound[slot])
            return
        if not going:
            return
