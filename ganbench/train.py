"""The training loop."""

import math
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ganbench import unrolling
from ganbench.average import Average, named_tensors
from ganbench.capture import Way, eagerly
from ganbench.course import Course, Snapshot, State, copied
from ganbench.unrolling import Scores


class Loss(Protocol):
    """Both objectives as functions of the scores (batch,) of real and fake samples."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises."""

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the generator minimises."""


class Term(Protocol):
    """What is added to the objectives beside the adversarial loss, where samples have conditions."""

    def discriminator(self, network: nn.Module, real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> Tensor:
        """What the discriminator also minimises."""

    def generator(self, network: nn.Module, real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> Tensor:
        """What the generator also minimises. `network` is the discriminator."""


class Penalty(Protocol):
    """A term added to the discriminator's loss."""

    def __call__(self, discriminator: Scores, real: Tensor, fake: Tensor, stream: torch.Generator) -> Tensor:
        """The weighted penalty, a scalar."""


Constraint = Callable[[nn.Module], None]


@dataclass(frozen=True)
class Player:
    """A network and its optimizer; if wanted, a moving average of the network that follows it, a schedule of the
    learning rate over generator steps, and the network compiled: it is then called in its place, but not by what
    differentiates twice, such as penalties."""

    network: nn.Module
    optimizer: Optimizer
    average: Average | None = None
    schedule: LRScheduler | None = None
    compiled: Callable[..., Tensor] | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        """What the network makes of its inputs."""
        made: Tensor = (self.compiled or self.network)(*inputs)
        return made

    def descend(self, loss: Tensor) -> None:
        """Find the gradient of `loss`."""
        self.optimizer.zero_grad()
        loss.backward()

    def step(self) -> None:
        """One step down the gradient."""
        self.optimizer.step()
        if self.average is not None:
            self.average.follow(self.network)

    def decay(self) -> None:
        """The next learning rate, if it changes over training."""
        if self.schedule is not None:
            self.schedule.step()

    def weights(self) -> dict[str, State]:
        """A copy on the CPU of the network's weights, `raw`, and of their average, `ema`."""
        networks = {"raw": self.network, **({} if self.average is None else {"ema": self.average.network})}
        return {name: {k: copied(v) for k, v in network.state_dict().items()} for name, network in networks.items()}

    def gradients(self) -> list[Tensor]:
        """The gradients of the last step."""
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def is_finite(self) -> bool:
        """Whether every parameter is a number."""
        return all(bool(p.isfinite().all()) for p in self.network.parameters())

    def state_dict(self) -> dict[str, Any]:
        """All that changes in training, for `load_state_dict`."""
        return {
            "network": named_tensors(self.network),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
        }

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of an equal player, in place."""
        for name, tensor in named_tensors(self.network).items():
            tensor.copy_(state["network"][name])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])


class Step(NamedTuple):
    """What a step leaves for the history, on the device: both losses, that of the discriminator with and without its
    penalty, the penalty if it was due, the scores of the last real and generated samples, and all gradients."""

    penalised: Tensor
    discriminator_loss: Tensor
    generator_loss: Tensor
    penalty: Tensor | None
    real_scores: Tensor
    fake_scores: Tensor
    discriminator_gradients: list[Tensor]
    generator_gradients: list[Tensor]


def unchanged(samples: Tensor) -> Tensor:
    """What a discriminator usually sees of samples: the samples."""
    return samples


def straight_on() -> None:
    """No pause between two steps."""


def under(scores: Scores, given: Sequence[Tensor]) -> Scores:
    """The scores (batch,) of samples under their conditions, for penalties: the mean over the patches of a sample."""
    if not given:
        return scores
    return lambda samples: scores(samples, *given).reshape(len(samples), -1).mean(1)


def train(
    generator: Player,
    discriminator: Player,
    *,
    loss: Loss,
    penalty: Penalty | None,
    constraint: Constraint | None,
    batches: Iterator[tuple[Tensor, ...]],
    noise: Callable[[], Tensor],
    penalty_stream: torch.Generator,
    steps: int,
    n_critic: int,
    log_every: int,
    progress: Callable[[int], None],
    snapshots: Container[int] = (),
    view: Callable[[Tensor], Tensor] = unchanged,
    penalty_interval: int = 1,
    simultaneous: bool = False,
    unrolled: int = 0,
    generator_turns: int = 1,
    kept: Callable[[int], float] | None = None,
    matching: bool = False,
    adversarial: float = 1.0,
    terms: Sequence[Term] = (),
    course: Course | None = None,
    way: Way = eagerly,
    pause: Callable[[], None] = straight_on,
    time_limit: float = math.inf,
) -> Course:
    """Train both players up to `steps` generator steps, or until a loss or a weight is no longer finite, or until
    `time_limit` seconds have passed.

    A step is `n_critic` discriminator steps, then one generator step. `batches` yields real samples, alone or with what
    they were made for, which both networks then get as a second input; `noise()` makes a batch of generator inputs. The
    generator's samples of a step are for the conditions of the last real batch. The discriminator sees `view` of
    samples, real and generated. The penalty is added to every `penalty_interval`-th discriminator step, that many times
    as heavy (lazy regularisation, Karras et al. 2020). `simultaneous`: the generator's gradient is taken before the
    last discriminator step of a turn. `unrolled`: the generator answers to the discriminator that many steps ahead.
    `generator_turns`: the generator takes that many steps in a turn, on the same noise, which count as one.
    `kept(step)`: the share of a batch, the samples with the highest scores, that the generator learns from. `matching`:
    real samples with the conditions of their neighbours count as generated ones, half and half (Reed et al. 2016,
    Algorithm 1). `adversarial` is the weight of the generator's adversarial loss, beside which both minimise their part
    of the `terms`.

    The history gets a row every `log_every` steps, and the steps in `snapshots` keep a copy of the generator; only
    there is anything read back from the device. Both networks are changed in place. `course`: where to go on, with
    players and streams as they were there. `way`: how a step is carried out, as it is written here or as a recorded
    one. `pause()` comes after every step, when players, streams and course are whole: it may save them, and it may
    raise.
    """
    course = Course() if course is None else course
    relativistic = getattr(loss, "relativistic", False)
    learning = [parameter for parameter in discriminator.network.parameters() if parameter.requires_grad]

    def objective(scores: Scores, real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """The discriminator's loss without penalty, and the scores that it comes from."""
        real_scores, fake_scores = scores(real, *given), scores(fake, *given)
        value = loss.discriminator(real_scores, fake_scores)
        if matching:
            strangers = scores(real, *(of.roll(1, 0) for of in given))
            value = (value + loss.discriminator(real_scores, strangers)) / 2
        return value, real_scores, fake_scores

    def ahead(real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> Scores:
        """The discriminator after `unrolled` more steps on the same samples."""

        def future(scores: Scores) -> Tensor:
            plain = objective(scores, real, fake, given)[0]
            return plain if penalty is None else plain + penalty(under(scores, given), real, fake, penalty_stream)

        return unrolling.ahead(discriminator.network, discriminator.optimizer, future, unrolled)

    def update() -> None:
        discriminator.step()
        if constraint is not None:
            with torch.no_grad():
                constraint(discriminator.network)

    def diverged() -> bool:
        return course.diverges(generator.is_finite() and discriminator.is_finite())

    def whole(due: Sequence[bool], share: float | None) -> Step:
        """A step, with the penalty in the turns where it is `due`; the generator learns from a `share` of its batch."""
        charged: Tensor | None = None
        for turn, is_due in enumerate(due, 1):
            real, *given = next(batches)
            real = view(real)
            with torch.no_grad():
                fake = view(generator(noise(), *given))
            discriminator_loss, real_scores, fake_scores = objective(discriminator, real, fake, given)
            if real_scores.dim() != 1 or len(real_scores) % len(real):
                raise ValueError(f"a discriminator returns scores (batch,), here {len(real)}; got {real_scores.shape}")
            penalised = discriminator_loss
            for term in terms:
                penalised = penalised + term.discriminator(discriminator.network, real, fake, given)
            if penalty is not None and is_due:
                single = under(discriminator.network, given)
                charged = penalty_interval * penalty(single, real, fake, penalty_stream)
                penalised = penalised + charged
            discriminator.descend(penalised)
            if not simultaneous or turn < len(due):
                update()

        inputs = noise()
        for turn in range(generator_turns):
            fake = view(generator(inputs, *given))
            judge: Scores = discriminator
            if unrolled:
                judge = ahead(real, fake, given)
            else:
                for parameter in learning:  # the generator's step needs no gradient for them
                    parameter.requires_grad_(False)
            scores = judge(fake, *given)
            rivals = judge(real, *given) if relativistic else real_scores.detach()
            if share is not None:
                best = scores.topk(math.ceil(share * len(scores))).indices
                scores, rivals = scores[best], rivals[best]
            generator_loss = loss.generator(rivals, scores)
            if terms:
                own = [term.generator(discriminator.network, real, fake, given) for term in terms]
                generator_loss = adversarial * generator_loss + torch.stack(own).sum()
            generator.descend(generator_loss)
            for parameter in learning:
                parameter.requires_grad_(True)
            if simultaneous and turn == 0:
                update()
            generator.step()

        return Step(
            penalised.detach(),
            discriminator_loss.detach(),
            generator_loss.detach(),
            None if charged is None else charged.detach(),
            real_scores.detach(),
            fake_scores.detach(),
            discriminator.gradients(),
            generator.gradients(),
        )

    start = time.perf_counter() - course.seconds
    for step in range(course.step + 1, steps + 1):
        due = tuple((course.turns + turn) % penalty_interval == 0 for turn in range(1, n_critic + 1))
        share = None if kept is None else kept(step)
        taken = way((due, share), partial(whole, due, share))
        generator.decay()
        discriminator.decay()

        course.turns += n_critic
        if taken.penalty is not None:
            course.penalty = taken.penalty
        course.losses.append(torch.stack([taken.penalised, taken.generator_loss]))
        course.step, course.seconds = step, time.perf_counter() - start
        if step % log_every == 0 or step == steps:
            course.history.append(
                {
                    "step": step,
                    "seconds": course.seconds,
                    "discriminator_loss": float(taken.discriminator_loss),
                    "generator_loss": float(taken.generator_loss),
                    "penalty": float(course.penalty) / penalty_interval,
                    "real_score": float(taken.real_scores.mean()),
                    "fake_score": float(taken.fake_scores.mean()),
                    "discriminator_gradient": float(nn.utils.get_total_norm(taken.discriminator_gradients)),
                    "generator_gradient": float(nn.utils.get_total_norm(taken.generator_gradients)),
                }
            )
            if diverged():
                return course
            course.losses.clear()
            progress(step)
        if step in snapshots:
            course.snapshots.append(Snapshot(step, course.seconds, generator.weights()))
        pause()
        if course.seconds >= time_limit and step < steps:
            course.timed_out = not diverged()
            return course
    return course
