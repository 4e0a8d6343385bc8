"""The training loop of a pack: what `ganbench.train` does, for all members at once.

Every objective is a sum over members of means over batches, so that no member's gradient depends on another, and what
is not finite in one stays in it.
"""

import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganbench.packs.average import Average
from ganbench.packs.network import Stack
from ganbench.packs.optimizer import Optimizer
from ganbench.train import Constraint, Loss, Outcome, Snapshot, State, copied, unchanged
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

    def weights(self, member: int) -> dict[str, State]:
        """A copy on the CPU of a member's weights, `raw`, and of their average, `ema`."""
        stacks = {"raw": self.stack, **({} if self.average is None else {"ema": self.average.stack})}
        return {name: {k: copied(v) for k, v in s.members[member].state_dict().items()} for name, s in stacks.items()}


@dataclass
class Feed:
    """What a pack is fed with; each call gives new ones."""

    real: Iterator[Tensor]
    """Real samples (members, batch, ...)."""
    noise: Callable[[], Tensor]
    """Generator inputs (members, batch, noise_dim)."""


def train(
    generator: Player,
    discriminator: Player,
    *,
    loss: Loss,
    penalty: Penalty | None,
    constraints: Sequence[Constraint],
    feed: Feed,
    steps: int,
    n_critic: int,
    log_every: int,
    progress: Callable[[int], None],
    snapshots: Container[int] = (),
    view: Callable[[Tensor], Tensor] = unchanged,
    penalty_interval: int = 1,
    simultaneous: bool = False,
    unrolled: int = 0,
    falling: bool = False,
    members: int | None = None,
) -> list[Outcome]:
    """Train all members for `steps` generator steps, and answer with the outcome of each of the first `members`; the
    others are padding. The rest is as in `ganbench.train.train`.

    A member whose loss or weights are no longer finite gets no more history, and its companions go on. `constraints`:
    one per member, or none. `falling`: the learning rates fall linearly to 0. The seconds of a row are a member's share
    of the pack's.
    """
    judge, wanted = discriminator.stack, members or len(discriminator.stack.members)
    outcomes = [Outcome() for _ in range(wanted)]
    relativistic = getattr(loss, "relativistic", False)
    losses: list[Tensor] = []  # (2, members) of every step since the last row, so that divergence has its exact step
    penalty_value = torch.zeros(len(judge.members), device=judge.flat.device)
    turns = 0

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

    start = time.perf_counter()
    for step in range(1, steps + 1):
        for turn in range(1, n_critic + 1):
            real = view(next(feed.real))
            with torch.no_grad():
                fake = view(generator.stack(feed.noise()))
            if judge.mixes:
                real_scores, fake_scores = judge(real), judge(fake)
            else:  # the same, in half as many products
                real_scores, fake_scores = judge(torch.cat([real, fake], 1)).chunk(2, 1)
            penalised = discriminator_loss = loss.discriminator(real_scores, fake_scores)
            turns += 1
            if penalty is not None and turns % penalty_interval == 0:
                penalty_value = penalty_interval * penalty(judge, real, fake)
                penalised = penalised + penalty_value
            discriminator_slopes = judge.slopes(penalised.sum())
            if not simultaneous or turn < n_critic:
                update(discriminator_slopes)

        fake = view(generator.stack(feed.noise()))
        judged = ahead(real, fake) if unrolled else judge
        rivals = judged(real) if relativistic else real_scores.detach()
        generator_loss = loss.generator(rivals, judged(fake))
        generator_slopes = generator.stack.slopes(generator_loss.sum())
        if simultaneous:
            update(discriminator_slopes)
        generator.step(generator_slopes)
        if falling:
            generator.optimizer.fall(step, steps)
            discriminator.optimizer.fall(step, steps)

        losses.append(torch.stack([penalised.detach(), generator_loss.detach()]))
        if step % log_every == 0 or step == steps:
            seconds = (time.perf_counter() - start) / wanted
            row = {
                "discriminator_loss": discriminator_loss.detach(),
                "generator_loss": generator_loss.detach(),
                "penalty": penalty_value.detach() / penalty_interval,
                "real_score": real_scores.detach().mean(-1),
                "fake_score": fake_scores.detach().mean(-1),
                "discriminator_gradient": discriminator_slopes.norm(dim=1),
                "generator_gradient": generator_slopes.norm(dim=1),
            }
            numbers = [dict(zip(row, column, strict=True)) for column in torch.stack(list(row.values()), 1).tolist()]
            finite = torch.stack(losses).isfinite().all(1).T.tolist()  # by member, of each step
            sound = [bool(ok) for ok in generator.stack.flat.isfinite().all(1) & judge.flat.isfinite().all(1)]
            for outcome, values, losses_finite, weights_finite in zip(outcomes, numbers, finite, sound, strict=False):
                if outcome.diverged_at is not None:
                    continue
                outcome.history.append({"step": step, "seconds": seconds, **values})
                if not all(losses_finite):
                    outcome.diverged_at = step - len(losses) + 1 + losses_finite.index(False)
                    outcome.reason = "the loss is not finite"
                    outcome.snapshots = [kept for kept in outcome.snapshots if kept.step < outcome.diverged_at]
                elif not weights_finite:
                    outcome.diverged_at, outcome.reason = step, "a weight is not finite"
            if all(outcome.diverged_at is not None for outcome in outcomes):
                return outcomes
            losses.clear()
            progress(step)
        if step in snapshots:
            seconds = (time.perf_counter() - start) / wanted
            for member, outcome in enumerate(outcomes):
                if outcome.diverged_at is None:
                    outcome.snapshots.append(Snapshot(step, seconds, generator.weights(member)))
    return outcomes
