"""What a method changes in the loop: who moves when, what is seen, how much counts."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from conftest import StudyFile
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganbench import layout, optimizers, plugins, runs, training
from ganbench.course import Course
from ganbench.streams import stream
from ganbench.train import Player, train

SGD = {"name": "sgd", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}
REGISTRY = plugins.discover()
LOSS = plugins.load(REGISTRY.card("loss", "non-saturating"), {})


def linear(inputs: int, outputs: int) -> nn.Module:
    torch.manual_seed(inputs + 10 * outputs)
    layers: list[nn.Module] = [nn.Linear(inputs, outputs, dtype=torch.float64)]
    return nn.Sequential(*layers, *([nn.Flatten(0)] if outputs == 1 else []))


def players() -> tuple[Player, Player]:
    networks = linear(3, 2), linear(2, 1)
    generator, discriminator = (Player(n, optimizers.build(SGD, n.parameters())) for n in networks)
    return generator, discriminator


def batches(size: int = 8) -> Iterator[tuple[Tensor]]:
    source = stream(0, "real")
    while True:
        yield (torch.randn(size, 2, generator=source, dtype=torch.float64) + 1,)


def run(generator: Player, discriminator: Player, steps: int = 1, size: int = 8, **rule: Any) -> Course:
    noise = stream(0, "noise")
    fixed: dict[str, Any] = {"loss": LOSS, "penalty": None, "constraint": None, "n_critic": 1, "log_every": 1}
    return train(
        generator,
        discriminator,
        **{**fixed, **rule},
        batches=batches(size),
        noise=lambda: torch.randn(size, 3, generator=noise, dtype=torch.float64),
        penalty_stream=stream(0, "penalty"),
        steps=steps,
        progress=lambda _: None,
    )


def state(player: Player) -> dict[str, Tensor]:
    return copy.deepcopy(player.network.state_dict())


def by_hand(simultaneous: bool) -> tuple[nn.Module, nn.Module]:
    """One step of each player, written out."""
    generator, discriminator = (player.network for player in players())
    noise, real = stream(0, "noise"), next(batches())[0]
    first, second = (torch.randn(8, 3, generator=noise, dtype=torch.float64) for _ in range(2))
    d_loss = softplus(-discriminator(real)).mean() + softplus(discriminator(generator(first).detach())).mean()
    d_slopes = torch.autograd.grad(d_loss, list(discriminator.parameters()))

    def move(network: nn.Module, slopes: tuple[Tensor, ...]) -> None:
        with torch.no_grad():
            for parameter, slope in zip(network.parameters(), slopes, strict=True):
                parameter -= 0.1 * slope

    if not simultaneous:
        move(discriminator, d_slopes)
    g_slopes = torch.autograd.grad(softplus(-discriminator(generator(second))).mean(), list(generator.parameters()))
    if simultaneous:
        move(discriminator, d_slopes)
    move(generator, g_slopes)
    return generator, discriminator


@pytest.mark.parametrize("simultaneous", [False, True])
def test_players_move_one_after_the_other_or_from_the_same_point(simultaneous: bool) -> None:
    generator, discriminator = players()
    run(generator, discriminator, simultaneous=simultaneous)
    for player, expected in zip((generator, discriminator), by_hand(simultaneous), strict=True):
        torch.testing.assert_close(state(player), expected.state_dict(), rtol=1e-12, atol=1e-14)


def test_simultaneous_and_alternating_differ_in_the_generator_only_after_one_step() -> None:
    together, apart = by_hand(True), by_hand(False)
    torch.testing.assert_close(together[1].state_dict(), apart[1].state_dict(), rtol=0, atol=0)
    assert any((a != b).any() for a, b in zip(together[0].parameters(), apart[0].parameters(), strict=True))


def test_a_lazy_penalty_comes_rarely_and_heavily() -> None:
    calls = []

    def penalty(discriminator: Any, real: Tensor, *_: Any) -> Tensor:
        calls.append(len(real))
        return discriminator(real).square().mean()

    every, lazy = (run(*players(), steps=6, n_critic=2, penalty=penalty, penalty_interval=k).history for k in (1, 4))
    assert len(calls) == 12 + 3
    assert all(row["penalty"] > 0 for row in every)
    assert [row["penalty"] > 0 for row in lazy] == [False, *[True] * 5]  # the last computed one stays in the history


def test_a_lazy_penalty_pushes_as_much_as_a_steady_one_where_it_does_not_change() -> None:
    """With a penalty that is linear in the weights and nothing else, both must end at the same place."""

    def penalty(discriminator: Any, *_: Any) -> Tensor:
        return sum(p.sum() for p in discriminator.parameters())  # type: ignore[return-value]

    class Nothing:
        def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
            return 0 * (real.mean() + fake.mean())

        def generator(self, real: Tensor, fake: Tensor) -> Tensor:
            return 0 * (real.mean() + fake.mean())

    ends = []
    for interval in (1, 4):
        generator, discriminator = players()
        run(generator, discriminator, steps=8, loss=Nothing(), penalty=penalty, penalty_interval=interval)
        ends.append(state(discriminator))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-12, atol=1e-13)


def test_the_generator_learns_from_its_best_samples_only() -> None:
    seen: list[Tensor] = []

    class Spy:
        relativistic = True

        def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
            return LOSS.discriminator(real, fake)  # type: ignore[no-any-return]

        def generator(self, real: Tensor, fake: Tensor) -> Tensor:
            seen.append(fake.detach())
            assert real.shape == fake.shape
            return LOSS.generator(real, fake)  # type: ignore[no-any-return]

    run(*players(), loss=Spy())
    run(*players(), loss=Spy(), kept=lambda _: 0.3)
    everything, best = seen
    assert len(best) == 3  # of 8, rounded up
    torch.testing.assert_close(best, everything.sort(descending=True).values[:3], rtol=0, atol=0)


def test_a_network_that_was_frozen_on_purpose_stays_frozen() -> None:
    generator, discriminator = players()
    bias = dict(discriminator.network.named_parameters())["0.bias"].requires_grad_(False)
    before = bias.clone()
    run(generator, discriminator, steps=3)
    assert not bias.requires_grad
    assert torch.equal(bias, before)


def test_a_generator_that_moves_twice_sees_the_same_noise_and_discriminator() -> None:
    generator, discriminator = players()
    torch.manual_seed(0)
    twin, judge = copy.deepcopy(generator.network), copy.deepcopy(discriminator.network)
    outcome = run(generator, discriminator, generator_turns=2)
    noise, real = stream(0, "noise"), next(batches())[0]
    made = twin(torch.randn(8, 3, generator=noise, dtype=torch.float64)).detach()
    optimizers_of = [torch.optim.SGD(network.parameters(), lr=0.1) for network in (judge, twin)]
    LOSS.discriminator(judge(real), judge(made)).backward()
    optimizers_of[0].step()
    inputs = torch.randn(8, 3, generator=noise, dtype=torch.float64)
    for _ in range(2):
        optimizers_of[1].zero_grad()
        LOSS.generator(None, judge(twin(inputs))).backward()
        optimizers_of[1].step()
    assert len(outcome.history) == 1  # one step
    for network, ours in ((twin, generator.network), (judge, discriminator.network)):
        for key, value in network.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[key], value)


def test_the_learning_rate_falls_to_zero_at_the_end(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(methods=[{"name": "wgan", "lr_decay": "linear"}], seeds=[0]))
    _, generator, discriminator = training.build(plan, plan.runs[0].spec, (2,), torch.device("cpu"))
    rates = []
    for _ in range(10):  # the study's generator steps
        rates.append([player.optimizer.param_groups[0]["lr"] for player in (generator, discriminator)])
        for player in (generator, discriminator):
            player.optimizer.step()
            player.decay()
    first = rates[0]
    assert rates == [[pytest.approx(rate * (1 - step / 10)) for rate in first] for step in range(10)]


def test_a_packed_discriminator_sees_several_samples_as_one(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(methods=["pacgan3"], seeds=[0]))
    method = plan.runs[0].spec["method"]
    *_, discriminator = training.build(plan, plan.runs[0].spec, (2,), torch.device("cpu"))
    view = training.view_of(method, stream(0, "augmentation"))
    samples = torch.arange(12.0).reshape(6, 2)
    assert view(samples).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert discriminator.network(view(samples)).shape == (2,)
    images = torch.arange(2 * 3 * 4 * 4.0).reshape(6, 1, 4, 4)
    assert torch.equal(view(images)[1], images[3:].squeeze(1))


def test_top_k_shrinks_by_the_epoch_and_not_below_its_share(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(methods=[{"name": "wgan", "top_k": {"share": 0.5, "decay": 0.8}}], seeds=[0]))
    kept = training._kept(plan.runs[0].spec["method"], batch=10, samples=500)  # n_critic 5: ten steps an epoch
    assert kept is not None
    assert [kept(step) for step in (0, 9, 10, 20, 30, 40, 1000)] == pytest.approx([1, 1, 0.8, 0.64, 0.512, 0.5, 0.5])


@pytest.mark.parametrize(
    "changes",
    [
        {"simultaneous": True},
        {"unrolled": 2},
        {"packing": 2},
        {"top_k": {"share": 0.5}},
        {"lr_decay": "linear"},
        {"penalty": "gradient-penalty", "penalty_interval": 3},
        {"unrolled": 1, "penalty": "r1", "packing": 2, "n_critic": 2},
        {"constraint": "spectral-normalisation", "unrolled": 1},
        {"optimizer": {"name": "adamw", "lr": 1e-3}},
    ],
    ids=str,
)
def test_every_rule_trains_through_a_study(
    study_file: StudyFile, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = runs.plan(study_file(methods=[{"name": "non-saturating", **changes}], seeds=[0]))
    (one,) = plan.runs
    samples = torch.randn(100, 2, generator=stream(0, "samples"))
    training.train_run(plan, one, samples, torch.device("cpu"))
    folder = plan.folder(one)
    assert '"status": "ok"' in (folder / layout.TRAINING).read_text()
    alone = changes.get("packing", 1) == 1
    assert (folder / layout.SURFACE).exists() == alone  # a score of several samples is no score of a place
