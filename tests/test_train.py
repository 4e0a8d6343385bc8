"""The training loop: the same numbers as a plainly written loop, and the exact step of a divergence."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, RMSprop

from ganbench import data
from ganbench.constraints.weight_clipping import Constraint as WeightClipping
from ganbench.course import Course, finite_rows
from ganbench.losses.non_saturating import Loss as NonSaturating
from ganbench.losses.wasserstein import Loss as Wasserstein
from ganbench.penalties.gradient_penalty import Penalty as GradientPenalty
from ganbench.streams import stream
from ganbench.train import Player, train

BATCH = 8


def networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
    discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0))
    return generator, discriminator


def real_batches() -> Iterator[Tensor]:
    return data.Batches(torch.randn(50, 2, generator=stream(0, "samples")), BATCH, stream(0, "data"))


def noise_source() -> Callable[[], Tensor]:
    source = stream(0, "noise")
    return lambda: torch.randn(BATCH, 3, generator=source)


def adam(network: nn.Module) -> Adam:
    return Adam(network.parameters(), lr=1e-2, betas=(0.5, 0.999))


def players(optimizer: Callable[[nn.Module], Any] = adam) -> tuple[Player, Player]:
    generator, discriminator = networks()
    return Player(generator, optimizer(generator)), Player(discriminator, optimizer(discriminator))


def run(generator: Player, discriminator: Player, **given: Any) -> Course:
    arguments: dict[str, Any] = {
        "loss": NonSaturating(),
        "penalty": None,
        "constraint": None,
        "batches": real_batches(),
        "noise": noise_source(),
        "penalty_stream": stream(0, "penalty"),
        "steps": 10,
        "n_critic": 1,
        "log_every": 5,
        "snapshots": (),
        "progress": lambda _: None,
    }
    return train(generator, discriminator, **{**arguments, **given})


def weights(*networks: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for network in networks for p in network.parameters()])


# The plain loops


def plain_non_saturating(steps: int) -> Tensor:
    g, d = networks()
    g_optimizer, d_optimizer = adam(g), adam(d)
    batches, noise = real_batches(), noise_source()
    for _ in range(steps):
        d_optimizer.zero_grad()
        real_loss = nn.functional.softplus(-d(next(batches)[0])).mean()
        fake_loss = nn.functional.softplus(d(g(noise()).detach())).mean()
        (real_loss + fake_loss).backward()
        d_optimizer.step()

        g_optimizer.zero_grad()
        nn.functional.softplus(-d(g(noise()))).mean().backward()
        g_optimizer.step()
    return weights(g, d)


def rmsprop(network: nn.Module) -> RMSprop:
    return RMSprop(network.parameters(), lr=1e-2)


def plain_wgan(steps: int) -> Tensor:
    g, d = networks()
    g_optimizer, d_optimizer = rmsprop(g), rmsprop(d)
    batches, noise = real_batches(), noise_source()
    for _ in range(steps):
        for _ in range(5):
            d_optimizer.zero_grad()
            real = next(batches)[0]
            (d(g(noise()).detach()).mean() - d(real).mean()).backward()
            d_optimizer.step()
            for parameter in d.parameters():
                parameter.data.clamp_(-0.05, 0.05)

        g_optimizer.zero_grad()
        (-d(g(noise())).mean()).backward()
        g_optimizer.step()
    return weights(g, d)


def plain_wgan_gp(steps: int) -> Tensor:
    g, d = networks()
    g_optimizer, d_optimizer = adam(g), adam(d)
    batches, noise, penalty_stream = real_batches(), noise_source(), stream(0, "penalty")
    for _ in range(steps):
        for _ in range(5):
            d_optimizer.zero_grad()
            real, fake = next(batches)[0], g(noise()).detach()
            distance = d(real).mean() - d(fake).mean()  # before the penalty: gradients are summed in this order
            share = torch.rand(BATCH, 1, generator=penalty_stream)
            between = (share * real + (1 - share) * fake).requires_grad_()
            slope = torch.autograd.grad(d(between).sum(), between, create_graph=True)[0]
            penalty = 10 * ((slope.norm(dim=1) - 1) ** 2).mean()
            (penalty - distance).backward()
            d_optimizer.step()

        g_optimizer.zero_grad()
        (-d(g(noise())).mean()).backward()
        g_optimizer.step()
    return weights(g, d)


@pytest.mark.parametrize(
    ("plain", "optimizer", "method"),
    [
        (plain_non_saturating, adam, {}),
        (plain_wgan, rmsprop, {"loss": Wasserstein(), "constraint": WeightClipping(0.05), "n_critic": 5}),
        (plain_wgan_gp, adam, {"loss": Wasserstein(), "penalty": GradientPenalty(10.0), "n_critic": 5}),
    ],
    ids=["non-saturating", "wgan", "wgan-gp"],
)
@pytest.mark.parametrize("log_every", [1, 7])
def test_training_gives_the_weights_of_a_plainly_written_loop(
    plain: Callable[[int], Tensor], optimizer: Any, method: dict[str, Any], log_every: int
) -> None:
    generator, discriminator = players(optimizer)
    start = weights(generator.network, discriminator.network)
    outcome = run(generator, discriminator, steps=10, log_every=log_every, **method)
    end = weights(generator.network, discriminator.network)
    assert outcome.diverged_at is None
    assert torch.equal(end, plain(10))
    assert (end != start).float().mean() > 0.8


# What a step leaves behind


def test_the_generators_step_leaves_the_discriminators_gradient_alone() -> None:
    generator, discriminator = players()
    untouched_generator, twin = networks()
    outcome = run(generator, discriminator, steps=1)

    real, fake = next(real_batches())[0], untouched_generator(noise_source()()).detach()
    expected = torch.autograd.grad(NonSaturating().discriminator(twin(real), twin(fake)), list(twin.parameters()))
    found = [p.grad for p in discriminator.network.parameters()]
    assert all(g is not None and torch.equal(g, e) for g, e in zip(found, expected, strict=True))
    norm = torch.cat([e.flatten() for e in expected]).norm().item()
    assert outcome.history[0]["discriminator_gradient"] == pytest.approx(norm, rel=1e-5)
    generator_norm = torch.cat([p.grad.flatten() for p in generator.network.parameters() if p.grad is not None]).norm()
    assert outcome.history[0]["generator_gradient"] == pytest.approx(generator_norm.item(), rel=1e-5)


def test_after_training_both_networks_can_be_trained_on() -> None:
    generator, discriminator = players()
    run(generator, discriminator)
    for player in (generator, discriminator):
        assert player.network.training
        assert all(p.requires_grad for p in player.network.parameters())


def test_a_row_tells_the_losses_and_the_scores_of_its_step() -> None:
    generator, discriminator = players()
    g, d = networks()
    row = run(generator, discriminator, steps=1, penalty=GradientPenalty(10.0)).history[0]
    real, fake = next(real_batches())[0], g(noise_source()()).detach()
    assert row["step"] == 1
    assert row["real_score"] == pytest.approx(d(real).mean().item(), rel=1e-5)
    assert row["fake_score"] == pytest.approx(d(fake).mean().item(), rel=1e-5)
    assert row["discriminator_loss"] == pytest.approx(NonSaturating().discriminator(d(real), d(fake)).item(), rel=1e-5)
    penalty = GradientPenalty(10.0)(d, real, fake, stream(0, "penalty")).item()
    assert penalty > 0
    assert row["penalty"] == pytest.approx(penalty, rel=1e-4)
    assert row["seconds"] > 0


@pytest.mark.parametrize(
    ("steps", "log_every", "expected"),
    [(7, 3, [3, 6, 7]), (6, 3, [3, 6]), (2, 50, [2]), (3, 1, [1, 2, 3])],
)
def test_the_history_has_a_row_every_so_often_and_at_the_end(steps: int, log_every: int, expected: list[int]) -> None:
    told: list[int] = []
    outcome = run(*players(), steps=steps, log_every=log_every, progress=told.append)
    assert [row["step"] for row in outcome.history] == expected
    assert told == expected
    assert outcome.reason is None


def test_how_often_it_is_logged_changes_no_weight() -> None:
    ends = []
    for log_every in (1, 4, 100):
        generator, discriminator = players()
        run(generator, discriminator, log_every=log_every)
        ends.append(weights(generator.network, discriminator.network))
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])


@pytest.mark.parametrize("n_critic", [1, 3])
def test_a_step_is_n_critic_discriminator_steps_and_one_generator_step(n_critic: int) -> None:
    generator, discriminator = players()
    run(generator, discriminator, steps=4, n_critic=n_critic)
    counts = [{int(state["step"]) for state in p.optimizer.state.values()} for p in (generator, discriminator)]
    assert counts == [{4}, {4 * n_critic}]


# Divergence


class Turning(NonSaturating):
    """Non-saturating until one of its two losses is not a number any more."""

    def __init__(self, side: str, call: int, value: float = math.nan) -> None:
        self.__dict__.update(side=side, call=call, value=value, calls={"discriminator": 0, "generator": 0})

    def broken(self, side: str, loss: Tensor) -> Tensor:
        state = self.__dict__
        state["calls"][side] += 1
        return loss * state["value"] if side == state["side"] and state["calls"][side] >= state["call"] else loss

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.broken("discriminator", super().discriminator(real, fake))

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.broken("generator", super().generator(real, fake))


@pytest.mark.parametrize("side", ["discriminator", "generator"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("log_every", [1, 4, 100])
@pytest.mark.parametrize("step", [1, 4, 6, 10])
def test_a_loss_that_is_no_number_has_its_exact_step(side: str, value: float, log_every: int, step: int) -> None:
    told: list[int] = []
    loss = Turning(side, step, value)
    outcome = run(*players(), loss=loss, steps=10, log_every=log_every, progress=told.append)
    assert outcome.diverged_at == step
    assert outcome.reason == "the loss is not finite"
    noticed = min(10, math.ceil(step / log_every) * log_every)
    assert outcome.history[-1]["step"] == noticed  # and there it stops
    assert noticed not in told
    assert [row["step"] for row in finite_rows(outcome.history)] == told


@pytest.mark.parametrize("call", [4, 5, 6])
def test_a_loss_that_fails_in_any_of_the_critics_steps_has_its_step(call: int) -> None:
    outcome = run(*players(), loss=Turning("discriminator", call), n_critic=3, log_every=100)
    assert outcome.diverged_at == 2


def test_a_penalty_that_is_no_number_is_noticed() -> None:
    outcome = run(*players(), penalty=lambda *_: torch.tensor(math.nan), log_every=100)
    assert outcome.diverged_at == 1


@pytest.mark.parametrize("broken", [0, 1], ids=["generator", "discriminator"])
def test_weights_that_are_no_numbers_are_noticed_although_the_losses_are(broken: int) -> None:
    both = players()
    unused = nn.Parameter(torch.zeros(1))
    both[broken].network.register_parameter("unused", unused)

    def poison(*_: object) -> None:
        unused.data.fill_(math.nan)

    both[broken].optimizer.register_step_post_hook(poison)
    outcome = run(*both, steps=6, log_every=3)
    assert outcome.diverged_at == 3
    assert outcome.reason == "a weight is not finite"


def test_a_learning_rate_that_is_far_too_high_is_a_divergence_and_no_crash() -> None:
    outcome = run(*players(lambda network: SGD(network.parameters(), lr=1e30)), steps=20, log_every=20)
    assert outcome.diverged_at is not None
    assert 1 <= outcome.diverged_at <= 4


def test_finite_rows_are_those_that_can_be_plotted() -> None:
    rows = [{"step": 1.0, "loss": 2.0}, {"step": 2.0, "loss": math.nan}, {"step": 3.0, "loss": -math.inf}]
    assert finite_rows(rows) == rows[:1]


# Relativistic losses


class Remembering(NonSaturating):
    """Keeps the scores that it was shown."""

    def __init__(self) -> None:
        self.__dict__["seen"] = {"discriminator": [], "generator": []}

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        self.__dict__["seen"]["discriminator"].append((real, fake))
        return super().discriminator(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        self.__dict__["seen"]["generator"].append((real, fake))
        return super().generator(real, fake)


class Relativistic(Remembering):
    relativistic = True


def test_a_usual_loss_gets_the_real_scores_of_the_last_discriminator_step_without_their_graph() -> None:
    loss = Remembering()
    run(*players(), loss=loss, steps=3, n_critic=2)
    seen = loss.__dict__["seen"]
    assert len(seen["discriminator"]) == 6
    for last, (rivals, scores) in zip(seen["discriminator"][1::2], seen["generator"], strict=True):
        assert torch.equal(rivals, last[0])
        assert not rivals.requires_grad
        assert scores.requires_grad


def test_a_relativistic_loss_gets_fresh_scores_of_the_last_real_batch() -> None:
    loss = Relativistic()
    generator, discriminator = players()
    run(generator, discriminator, loss=loss, steps=1, n_critic=2)
    seen = loss.__dict__["seen"]
    rivals, scores = seen["generator"][0]
    last = list(itertools.islice(real_batches(), 2))[1][0]
    assert torch.equal(rivals, discriminator.network(last).detach())
    assert not torch.equal(rivals, seen["discriminator"][1][0])
    assert rivals.shape == scores.shape == (BATCH,)
    assert scores.requires_grad
